/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cpu.h"

#include <time.h>

void cpu_stay(enum cpu which, cpu_set_t *ret_before)
{
    cpu_set_t one;
    int chosen = -1;

    CPU_ZERO(ret_before);
    sched_getaffinity(0, sizeof(*ret_before), ret_before);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, ret_before) && (which == CPU_LAST || chosen < 0))
            chosen = cpu;
    if (chosen < 0)
        return;
    CPU_ZERO(&one);
    CPU_SET(chosen, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}
