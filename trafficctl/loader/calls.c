/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "calls.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

/* What is in a slot. *ret_fd -1: nothing, or (false) something that cannot be opened. */
static bool open_slot(int calls_fd, uint32_t slot, int *ret_fd)
{
    uint32_t id;
    *ret_fd = -1;
    if (bpf_map_lookup_elem(calls_fd, &slot, &id) < 0)
        return true;
    int fd = bpf_prog_get_fd_by_id(id);
    *ret_fd = fd < 0 ? -1 : fd;
    return fd >= 0;
}

static int put(struct job *job, int calls_fd, uint32_t slot, int program)
{
    struct undo_step *step;
    _cleanup_fd_ int old = -1;
    bool known = open_slot(calls_fd, slot, &old);
    int r = undo_plan(&job->undo, UNDO_CALL, "", calls_fd, old, &step);
    if (r < 0)
        return r;
    step->slot = slot;
    r = bpf_map_update_elem(calls_fd, &slot, &program, BPF_ANY);
    if (r < 0)
        return fault_set(job->fault, r, "cannot put the program that counts interfaces in its place: %s", strerror(-r));
    if (known)
        undo_arm(&job->undo);
    return 0;
}

int calls_put(struct job *job, int calls_fd, int ingress_fd, int egress_fd)
{
    int r = put(job, calls_fd, TCTL_CALL_INGRESS, ingress_fd);
    return r < 0 ? r : put(job, calls_fd, TCTL_CALL_EGRESS, egress_fd);
}

static bool is_program_array(int fd)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == BPF_MAP_TYPE_PROG_ARRAY;
}

void calls_clear(const char *bpffs)
{
    static const enum pin_id arrays[] = {PIN_XT_CALLS, PIN_LINK_CALLS};
    for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
        _cleanup_fd_ int fd = -1;
        if (pins_open(bpffs, arrays[i], &fd) < 0 || !is_program_array(fd))
            continue;
        for (uint32_t slot = 0; slot < TCTL_CALLS; slot++)
            bpf_map_delete_elem(fd, &slot);
    }
}
