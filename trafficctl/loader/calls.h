/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs that count interfaces, in the slots that those in rules and links call. */
#pragma once

#include "job.h"

/* Put both into the array (slots: enum tctl_call), each in one step; undone with job's undo. */
int calls_put(struct job *job, int calls_fd, int ingress_fd, int egress_fd);
