/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "attached.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "fd.h"

const struct attached_pins attached_pins[TCTL_PROGRAMS] = {
    [TCTL_PROG_INGRESS] = {"ingress", PIN_INGRESS_PROG, PIN_INGRESS_LINK, BPF_CGROUP_INET_INGRESS},
    [TCTL_PROG_EGRESS] = {"egress", PIN_EGRESS_PROG, PIN_EGRESS_LINK, BPF_CGROUP_INET_EGRESS},
    [TCTL_PROG_RELEASE] = {"release", PIN_RELEASE_PROG, PIN_RELEASE_LINK, BPF_CGROUP_INET_SOCK_RELEASE},
    [TCTL_PROG_CONNECT4] = {"connect4", PIN_CONNECT4_PROG, PIN_CONNECT4_LINK, BPF_CGROUP_INET4_CONNECT},
    [TCTL_PROG_CONNECT6] = {"connect6", PIN_CONNECT6_PROG, PIN_CONNECT6_LINK, BPF_CGROUP_INET6_CONNECT},
};

static int open_kind(const char *bpffs, enum pin_id id, int *ret_fd)
{
    enum pin_kind kind;
    int r = pins_open(bpffs, id, ret_fd);
    if (r == 0)
        r = pins_kind(*ret_fd, &kind);
    return r == 0 && kind != pins[id].kind ? -EBADF : r;
}

int attached_ask(int fd, struct attached_program *ret_program)
{
    struct attached_program found = {0};
    struct bpf_prog_info info = {.nr_map_ids = ATTACHED_MAPS, .map_ids = (uintptr_t)found.maps};
    uint32_t size = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &size);
    if (r < 0)
        return r;
    found.id = info.id;
    found.map_count = info.nr_map_ids < ATTACHED_MAPS ? info.nr_map_ids : ATTACHED_MAPS;
    *ret_program = found;
    return 0;
}

int attached_program(const char *bpffs, enum tctl_program program, struct attached_program *ret_program)
{
    _cleanup_fd_ int fd = -1;
    int r = open_kind(bpffs, attached_pins[program].prog, &fd);
    return r < 0 ? r : attached_ask(fd, ret_program);
}

int attached_link(const char *bpffs, enum tctl_program program, struct bpf_link_info *ret_info)
{
    struct bpf_link_info info = {0};
    uint32_t size = sizeof(info);
    _cleanup_fd_ int fd = -1;
    int r = open_kind(bpffs, attached_pins[program].link, &fd);
    if (r == 0)
        r = bpf_obj_get_info_by_fd(fd, &info, &size);
    if (r < 0)
        return r;
    if (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.attach_type != attached_pins[program].attach_type)
        return -EBADF;
    *ret_info = info;
    return 0;
}

bool attached_uses(const struct attached_program *program, uint32_t map)
{
    for (size_t i = 0; i < program->map_count; i++)
        if (program->maps[i] == map)
            return true;
    return false;
}

bool attached_calls(int fd, int map_fd)
{
    uint32_t map;
    struct attached_program program;
    return pins_number(map_fd, &map) == 0 && attached_ask(fd, &program) == 0 && attached_uses(&program, map);
}
