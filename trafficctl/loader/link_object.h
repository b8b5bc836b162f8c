/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

#include "job.h"

int link_object_load(struct job *job, struct fault *why);
