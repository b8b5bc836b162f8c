/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "iterators.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include <traffic.skel.h>

#include "aside.h"
#include "cleanup.h"
#include "fd.h"
#include "maps.h"
#include "refuse.h"

#define STORAGE "bpf_sk_storage_map"
#define FILES "task_file"

struct iterator {
    enum pin_id link;
    const char *target;
    enum pin_id map; /* whose elements it lists; the pin of the link itself: of none */
};

static const struct iterator iterators[] = {
    {PIN_STORED_SOCKETS, STORAGE, PIN_SOCKET_STORAGE},
    {PIN_OPEN_SOCKETS, FILES, PIN_OPEN_SOCKETS},
    {PIN_PEERS, STORAGE, PIN_PEER_STORAGE},
};

static struct bpf_program *program(const struct job *job, enum pin_id link)
{
    switch (link) {
    case PIN_STORED_SOCKETS:
        return job->skeleton->progs.stored_sockets;
    case PIN_OPEN_SOCKETS:
        return job->skeleton->progs.open_sockets;
    default:
        return job->skeleton->progs.peers;
    }
}

/* Where one is not known the programs would list nothing, and nothing is what dead sockets look like. */
static bool knows_members(const struct tctl_kernel *kernel)
{
    const struct tctl_member members[] = {
        kernel->sk_cookie,     kernel->file_inode,     kernel->file_private, kernel->inode_mode,
        kernel->socket_sk,     kernel->sk_peer_cred,   kernel->cred_user_ns, kernel->user_ns_level,
        kernel->user_ns_owner, kernel->user_ns_parent,
    };
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (members[i].offset == TCTL_NO_OFFSET)
            return false;
    return true;
}

/* A program that writes eight bytes for everything listed. */
static bool can_list(const struct btf *types, const char *target)
{
    const struct bpf_insn write[] = {
        {.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_1}, /* the context's meta */
        {.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_1}, /* and its seq */
        {.code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10},
        {.code = BPF_ALU64 | BPF_ADD, .dst_reg = BPF_REG_2, .imm = -8}, /* BPF_K, which is 0 too */
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 8},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_seq_write},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    char function[64];
    snprintf(function, sizeof(function), "bpf_iter_%s", target);
    int id = btf__find_by_name_kind(types, function, BTF_KIND_FUNC);
    if (id < 0)
        return false;
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_ITER, .attach_btf_id = (__u32)id);
    _cleanup_fd_ int fd =
        bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "Dual BSD/GPL", write, ARRAY_SIZE(write), &options);
    return fd >= 0;
}

bool iterators_work(const struct tctl_kernel *kernel)
{
    if (!kernel->stored_answers || !knows_members(kernel))
        return false;
    struct btf *types = btf__load_vmlinux_btf();
    bool work = types && can_list(types, STORAGE) && can_list(types, FILES);
    btf__free(types);
    return work;
}

int iterators_choose(struct job *job)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(iterators) && r == 0; i++)
        r = bpf_program__set_autoload(program(job, iterators[i].link), job->iterators);
    return r;
}

static int make(struct job *job, const struct iterator *iterator)
{
    const struct bpf_map *map = maps_of(job, iterator->map);
    union bpf_iter_link_info what = {.map.map_fd = map ? (__u32)bpf_map__fd(map) : 0};
    LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = map ? &what : NULL,
                .iter_info_len = map ? sizeof(what) : 0);
    _cleanup_fd_ int link = bpf_link_create(bpf_program__fd(program(job, iterator->link)), 0, BPF_TRACE_ITER, &options);
    if (link < 0)
        return refuse(job, link, "to list sockets", strerror(-link));
    return aside_pin(job, iterator->link, link);
}

int iterators_pin(struct job *job)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(iterators) && r == 0 && job->iterators; i++)
        r = make(job, &iterators[i]);
    return r;
}

const char *iterators_target(enum pin_id id)
{
    for (size_t i = 0; i < ARRAY_SIZE(iterators); i++)
        if (iterators[i].link == id)
            return iterators[i].target;
    return NULL;
}

int iterators_examine(int fd, const char *target)
{
    char name[64] = "";
    struct bpf_link_info info = {.iter = {.target_name = (uintptr_t)name, .target_name_len = sizeof(name)}};
    uint32_t length = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return r;
    return info.type == BPF_LINK_TYPE_ITER && strcmp(name, target) == 0 ? 0 : -EBADF;
}
