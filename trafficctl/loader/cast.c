/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cast.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

#define NAME "bpf_cast_to_kern_ctx"

static struct bpf_insn call_of(uint32_t number)
{
    return (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = (int32_t)number};
}

/* skb->sk->sk_uid, as the programs read it. */
static bool works(uint32_t number, const struct tctl_kernel *kernel)
{
    const struct bpf_insn read[] = {
        call_of(number),
        {.code = BPF_LDX | BPF_MEM | BPF_DW, .off = (int16_t)kernel->skb_sk.offset},
        {.code = BPF_JMP | BPF_JEQ | BPF_K, .off = 1},
        {.code = BPF_LDX | BPF_MEM | BPF_W, .off = (int16_t)kernel->sk_uid.offset},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET_EGRESS);
    _cleanup_fd_ int fd =
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "probe", "Dual BSD/GPL", read, ARRAY_SIZE(read), &options);
    return fd >= 0;
}

uint32_t cast_find(const struct btf *btf, const struct tctl_kernel *kernel)
{
    if (!btf || kernel->skb_sk.offset == TCTL_NO_OFFSET || kernel->sk_uid.offset == TCTL_NO_OFFSET)
        return 0;
    int number = btf__find_by_name_kind(btf, NAME, BTF_KIND_FUNC);
    return number > 0 && works((uint32_t)number, kernel) ? (uint32_t)number : 0;
}

static bool is_call(const struct bpf_insn *insn)
{
    return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == 0 && insn->imm == TCTL_CAST_CALL;
}

int cast_put(struct bpf_program *program, uint32_t number)
{
    const size_t count = bpf_program__insn_cnt(program);
    _cleanup_free_ struct bpf_insn *insns = reallocarray(NULL, count, sizeof(*insns));
    if (!insns)
        return -ENOMEM;
    memcpy(insns, bpf_program__insns(program), count * sizeof(*insns));
    for (size_t i = 0; number && i < count; i++)
        if (is_call(&insns[i]))
            insns[i] = call_of(number);
    return bpf_program__set_insns(program, insns, count);
}
