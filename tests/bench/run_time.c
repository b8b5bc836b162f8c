/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "run_time.h"

#include <bpf/bpf.h>

int run_time_switch_on(void)
{
    return bpf_enable_stats(BPF_STATS_RUN_TIME);
}

int run_time_read(int prog, struct run_time *ret_time)
{
    struct bpf_prog_info info = {};
    __u32 size = sizeof(info);
    int r = bpf_obj_get_info_by_fd(prog, &info, &size);

    if (r < 0)
        return r;
    *ret_time = (struct run_time){info.run_time_ns, info.run_cnt};
    return 0;
}

double run_time_between(const struct run_time *before, const struct run_time *after)
{
    return after->runs == before->runs ? -1 : (double)(after->ns - before->ns) / (double)(after->runs - before->runs);
}
