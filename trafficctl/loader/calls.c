/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "calls.h"

#include <bpf/bpf.h>

int calls_put(struct job *job, int calls_fd, int ingress_fd, int egress_fd)
{
    const uint32_t in = TCTL_CALL_INGRESS, out = TCTL_CALL_EGRESS;
    (void)job;
    int r = bpf_map_update_elem(calls_fd, &in, &ingress_fd, BPF_ANY);
    return r < 0 ? r : bpf_map_update_elem(calls_fd, &out, &egress_fd, BPF_ANY);
}
