/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cast.h"
#include "cleanup.h"
#include "fd.h"
#include "parse.h"

#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"

/* Where a member of struct tctl_kernel comes from. */
struct wanted {
    const char *type;
    const char *path; /* dots go into structs within the struct */
    size_t to;
};

static const struct wanted wanted[] = {
    {"sk_buff", "sk", offsetof(struct tctl_kernel, skb_sk)},
    {"sk_buff", "cb", offsetof(struct tctl_kernel, skb_cb)},
    {"sk_buff", "_skb_refdst", offsetof(struct tctl_kernel, skb_dst)},
    {"bpf_sock_addr_kern", "sk", offsetof(struct tctl_kernel, addr_sk)},
    {"sock", "sk_uid", offsetof(struct tctl_kernel, sk_uid)},
    {"sock", "sk_socket", offsetof(struct tctl_kernel, sk_socket)},
    {"sock", "__sk_common.skc_net.net", offsetof(struct tctl_kernel, sk_net)},
    {"sock", "__sk_common.skc_cookie", offsetof(struct tctl_kernel, sk_cookie)},
    {"sock", "__sk_common.skc_state", offsetof(struct tctl_kernel, sk_state)},
    {"net", "ns.inum", offsetof(struct tctl_kernel, net_inum)},
    {"net", "user_ns", offsetof(struct tctl_kernel, net_user_ns)},
    {"socket", "file", offsetof(struct tctl_kernel, socket_file)},
    {"file", "f_cred", offsetof(struct tctl_kernel, file_cred)},
    {"cred", "user_ns", offsetof(struct tctl_kernel, cred_user_ns)},
    {"cred", "fsuid", offsetof(struct tctl_kernel, cred_fsuid)},
    {"user_namespace", "level", offsetof(struct tctl_kernel, user_ns_level)},
    {"user_namespace", "parent", offsetof(struct tctl_kernel, user_ns_parent)},
    {"user_namespace", "owner", offsetof(struct tctl_kernel, user_ns_owner)},
    {"inet_skb_parm", "frag_max_size", offsetof(struct tctl_kernel, cb4_frag_max)},
    {"inet6_skb_parm", "frag_max_size", offsetof(struct tctl_kernel, cb6_frag_max)},
    {"dst_entry", "dev", offsetof(struct tctl_kernel, dst_dev)},
    {"dst_entry", "_metrics", offsetof(struct tctl_kernel, dst_metrics)},
    {"dst_entry", "expires", offsetof(struct tctl_kernel, dst_expires)},
    {"net_device", "mtu", offsetof(struct tctl_kernel, dev_mtu)},
    {"net_device", "ip6_ptr", offsetof(struct tctl_kernel, dev_inet6)},
    {"inet6_dev", "cnf.mtu6", offsetof(struct tctl_kernel, inet6_mtu)},
    {"rtable", "rt_pmtu", offsetof(struct tctl_kernel, rt_pmtu)},
    {"inet_sock", "pmtudisc", offsetof(struct tctl_kernel, inet_pmtudisc)},
    {"inet_sock", "pinet6", offsetof(struct tctl_kernel, inet_pinet6)},
    {"ipv6_pinfo", "pmtudisc", offsetof(struct tctl_kernel, np_pmtudisc)},
    {"ipv6_pinfo", "frag_size", offsetof(struct tctl_kernel, np_frag_size)},
    {"file", "f_inode", offsetof(struct tctl_kernel, file_inode)},
    {"file", "private_data", offsetof(struct tctl_kernel, file_private)},
    {"inode", "i_mode", offsetof(struct tctl_kernel, inode_mode)},
    {"socket", "sk", offsetof(struct tctl_kernel, socket_sk)},
    {"sock", "sk_peer_cred", offsetof(struct tctl_kernel, sk_peer_cred)},
    {"sk_buff", "len", offsetof(struct tctl_kernel, skb_len)},
    {"sk_buff", "protocol", offsetof(struct tctl_kernel, skb_protocol)},
    {"sk_buff", "dev", offsetof(struct tctl_kernel, skb_dev)},
    {"sk_buff", "skb_iif", offsetof(struct tctl_kernel, skb_iif)},
    {"sk_buff", "head", offsetof(struct tctl_kernel, skb_head)},
    {"sk_buff", "end", offsetof(struct tctl_kernel, skb_end)},
    {"sk_buff", "active_extensions", offsetof(struct tctl_kernel, skb_extensions)},
    {"sk_buff", "data_len", offsetof(struct tctl_kernel, skb_data_len)},
    {"sk_buff", "next", offsetof(struct tctl_kernel, skb_next)},
    {"skb_shared_info", "gso_size", offsetof(struct tctl_kernel, shared_gso_size)},
    {"skb_shared_info", "frag_list", offsetof(struct tctl_kernel, shared_frag_list)},
    {"net_device", "ifindex", offsetof(struct tctl_kernel, dev_ifindex)},
    {"net_device", "name", offsetof(struct tctl_kernel, dev_name)},
    {"net_device", "priv_flags", offsetof(struct tctl_kernel, dev_priv_flags)},
    {"dst_entry", "xfrm", offsetof(struct tctl_kernel, dst_xfrm)},
    {"sk_buff", "pkt_type", offsetof(struct tctl_kernel, skb_pkt_type)},
    {"sk_buff", "cloned", offsetof(struct tctl_kernel, skb_cloned)},
    {"skb_shared_info", "dataref", offsetof(struct tctl_kernel, shared_dataref)},
    {"rtable", "rt_flags", offsetof(struct tctl_kernel, rt_flags)},
};

_Static_assert(offsetof(struct tctl_kernel, skb_sk) + sizeof(wanted) / sizeof(wanted[0]) * sizeof(struct tctl_member) ==
                   sizeof(struct tctl_kernel),
               "every member is looked up");

/* A member that was found: its type, and its place in bits from the start of the outermost struct. */
struct place {
    const struct btf_type *type;
    uint32_t bit;
    uint32_t bits; /* of a bit-field, else 0 */
};

static const struct btf_type *plain(const struct btf *btf, uint32_t id)
{
    const struct btf_type *type = btf__type_by_id(btf, id);
    while (type && (btf_is_mod(type) || btf_is_typedef(type)))
        type = btf__type_by_id(btf, type->type);
    return type;
}

/* name is not NUL-terminated. Structs and unions without a name are looked into, as C does. */
static bool find(const struct btf *btf, const struct btf_type *type, const char *name, size_t length, uint32_t bit,
                 struct place *ret_place)
{
    if (!type || !btf_is_composite(type))
        return false;
    for (uint32_t i = 0; i < btf_vlen(type); i++) {
        const struct btf_member *member = &btf_members(type)[i];
        const char *found = btf__name_by_offset(btf, member->name_off);
        struct place place = {
            .type = plain(btf, member->type),
            .bit = bit + btf_member_bit_offset(type, i),
            .bits = btf_member_bitfield_size(type, i),
        };
        if (found && strlen(found) == length && length > 0 && memcmp(found, name, length) == 0) {
            *ret_place = place;
            return true;
        }
        if ((!found || !*found) && find(btf, place.type, name, length, place.bit, ret_place))
            return true;
    }
    return false;
}

static bool find_path(const struct btf *btf, const char *type, const char *path, struct place *ret_place)
{
    int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
    if (id < 0)
        return false;
    struct place place = {.type = btf__type_by_id(btf, (uint32_t)id)};
    while (*path) {
        size_t length = strcspn(path, ".");
        if (!find(btf, place.type, path, length, place.bit, &place))
            return false;
        path += length + (path[length] == '.');
    }
    *ret_place = place;
    return true;
}

/* A bit-field goes by the smallest whole number that it lies in, where that number starts and is aligned. */
static struct tctl_member as_member(const struct place *place)
{
    const struct tctl_member unknown = {.offset = TCTL_NO_OFFSET};
    if (place->bits == 0)
        return place->bit / 8 < TCTL_NO_OFFSET ? (struct tctl_member){.offset = (__u16)(place->bit / 8)} : unknown;

    for (uint32_t unit = 8; unit <= 32; unit *= 2) {
        uint32_t within = place->bit % unit, start = (place->bit - within) / 8;
        if (within + place->bits > unit || start >= TCTL_NO_OFFSET)
            continue;
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
            within = unit - within - place->bits;
        return (struct tctl_member){.offset = (__u16)start, .shift = (__u8)within, .bits = (__u8)place->bits};
    }
    return unknown;
}

void kernel_offsets(const struct btf *btf, struct tctl_kernel *kernel)
{
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        struct place place;
        struct tctl_member member = {.offset = TCTL_NO_OFFSET};
        if (btf && find_path(btf, wanted[i].type, wanted[i].path, &place))
            member = as_member(&place);
        memcpy((char *)kernel + wanted[i].to, &member, sizeof(member));
    }
}

/* The bit of sk_buff.active_extensions that says a packet was decrypted; 0: this kernel has none. */
static uint32_t sec_path(const struct btf *btf)
{
    int id = btf ? btf__find_by_name_kind(btf, "skb_ext_id", BTF_KIND_ENUM) : -ENOENT;
    const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
    for (uint32_t i = 0; type && i < btf_vlen(type); i++) {
        const struct btf_enum *value = &btf_enum(type)[i];
        const char *name = btf__name_by_offset(btf, value->name_off);
        if (name && strcmp(name, "SKB_EXT_SEC_PATH") == 0)
            return 1u << value->val;
    }
    return 0;
}

/* No system call says HZ; the coarse clock ticks with it. */
static uint32_t answer_ticks(void)
{
    struct timespec tick = {0};
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0 || tick.tv_nsec <= 0)
        tick.tv_nsec = 10000000;
    uint32_t ticks = (uint32_t)(1000000000 / tick.tv_nsec / 10);
    return ticks > 0 ? ticks : 1;
}

/* 40 a second: who reads large maps has few rows to look at again. */
static uint32_t hot_ticks(void)
{
    return (answer_ticks() + 3) / 4;
}

static uint32_t overflow_uid(void)
{
    _cleanup_free_ char *text = NULL;
    uint32_t uid = 65534;
    if (fd_read_file("/proc/sys/kernel/overflowuid", 32, &text) < 0)
        return uid;
    text[strcspn(text, "\n")] = '\0';
    parse_u32(text, &uid);
    return uid;
}

/* A kernel locked down for confidentiality has types and lets no program read what they describe. */
bool kernel_has_types(void)
{
    return access(KERNEL_TYPES, R_OK) == 0 &&
           libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_probe_read_kernel, NULL) == 1 &&
           libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK, BPF_FUNC_probe_read_kernel, NULL) == 1;
}

bool kernel_has_socket_storage(void)
{
    return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, NULL) == 1;
}

bool kernel_has_mptcp_helper(void)
{
    return kernel_has_types() &&
           libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_skc_to_mptcp_sock, NULL) == 1;
}

bool kernel_has_release_hook(void)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET_SOCK_RELEASE);
    _cleanup_fd_ int fd =
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK, "probe", "Dual BSD/GPL", pass, ARRAY_SIZE(pass), &options);
    return fd >= 0;
}

void kernel_find_out(bool percpu, struct tctl_kernel *kernel)
{
    *kernel = (struct tctl_kernel){
        .percpu = percpu,
        .stored_answers = kernel_has_socket_storage(),
        .mptcp = kernel_has_mptcp_helper(),
        .answer_ticks = answer_ticks(),
        .hot_ticks = hot_ticks(),
        .overflow_uid = overflow_uid(),
    };
    struct btf *btf = kernel_has_types() ? btf__parse(KERNEL_TYPES, NULL) : NULL;
    kernel_offsets(btf, kernel);
    kernel->sec_path = sec_path(btf);
    kernel->cast = cast_find(btf, kernel);
    btf__free(btf);
}
