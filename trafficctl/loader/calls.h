/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The programs that those in netfilter's rules and links call (trafficctl/xt_calls, link_calls). Each is replaced by
 * one atomic step: every packet is counted by the old or by the new one.
 */
#pragma once

#include "job.h"

/*
 * Put the loaded programs into the slots of the program array. What was there is noted in the job's undo; where this
 * process may not open it (by number: CAP_SYS_ADMIN), the new program stays. -errno of bpf(2), with a line in the
 * fault.
 */
int calls_put(struct job *job, int calls_fd, int ingress_fd, int egress_fd);

/* Empty the slots, so that whatever is left in rules counts nothing. What is no program array is not touched. */
void calls_clear(const char *bpffs);
