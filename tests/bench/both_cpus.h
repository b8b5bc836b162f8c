/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The same work on one CPU, or on two at once. */
#pragma once

#include <stdbool.h>

/* What it got done in a second, or a negative value; number: 0 on one CPU, 1 on the other. */
typedef double (*cpu_work_fn)(void *context, int number);

/* By one thread on each CPU, begun together. The sum, or a negative value. */
double both_cpus(bool both, cpu_work_fn work, void *context);
