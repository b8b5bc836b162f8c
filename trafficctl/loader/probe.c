/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <ifaces.h>
#include <lacks.h>
#include <link.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "choose.h"
#include "cleanup.h"
#include "fd.h"
#include "iterators.h"
#include "kernel.h"
#include "loader.h"
#include "mounts.h"
#include "privilege.h"
#include "probe.h"

/* Any socket may have a filter where the kernel can run one. */
static bool has_filters(void)
{
    struct sock_filter pass = {.code = BPF_RET | BPF_K, .k = UINT32_MAX};
    const struct sock_fprog program = {.len = 1, .filter = &pass};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

/* An unknown command is EINVAL, an unknown system call ENOSYS; a known one looks at the descriptor. */
static bool has_system_call(void)
{
    return bpf_map_freeze(-1) == -EBADF;
}

static bool has_links(void)
{
    return bpf_link_create(-1, -1, BPF_CGROUP_INET_INGRESS, NULL) == -EBADF;
}

static bool has_cgroup_programs(void)
{
    return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL) == 1;
}

/* Kernels that charge maps to the control group (5.11, as old as this helper) do not ask the limit. */
static bool has_memory(void)
{
    return !privilege_memlock_is_small() ||
           libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns, NULL) == 1;
}

static bool has_bpffs(void)
{
    return mounts_knows("bpf");
}

static bool has_cgroup2(void)
{
    return mounts_knows("cgroup2");
}

static bool has_socket_iterators(void)
{
    struct tctl_kernel kernel;
    kernel_find_out(false, &kernel);
    return iterators_work(&kernel);
}

static bool has_netfilter_links(void)
{
    const struct bpf_insn nothing[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = LINK_ATTACH_TYPE);
    _cleanup_fd_ int fd = bpf_prog_load(LINK_PROG_TYPE, NULL, "GPL", nothing, ARRAY_SIZE(nothing), &options);
    return fd >= 0 && kernel_has_types();
}

/* What no backend refuses. */
static struct load_options plain_options(const char *bpffs)
{
    struct load_options options = {.bpffs = bpffs, .app_uids = {{0, UINT32_MAX - 1}}, .app_uid_count = 1};
    for (int map = 0; map < LOAD_MAPS; map++)
        options.entries[map] = load_map_default_entries(map);
    return options;
}

static bool takes_users_table(void)
{
    const struct load_options options = plain_options(TCTL_BPFFS);
    return choose_try_nft(&options, NULL) == 0;
}

static bool has_early_demux(void)
{
    return !nft_lacks_early_demux();
}

static const struct {
    struct requirement requirement;
    bool (*try)(void);
} probes[] = {
    {{.name = "CONFIG_BPF", .needed_for = "running any program in the kernel", .required = LOAD_BACKEND_BPF},
     has_filters},
    {{.name = "CONFIG_BPF_SYSCALL", .needed_for = "loading programs and maps", .required = LOAD_BACKEND_BPF},
     has_system_call},
    {{.name = "CONFIG_CGROUP_BPF", .needed_for = "counting and filtering by UID", .required = LOAD_BACKEND_BPF},
     has_cgroup_programs},
    {{.name = "CONFIG_NETFILTER_XT_MATCH_BPF", .needed_for = "counting by interface with iptables rules"},
     probe_xt_bpf},
    {{.name = "netfilter links", .needed_for = "counting by interface without any rule (--netfilter link)"},
     has_netfilter_links},
    {{.name = "nf_tables with xt_bpf", .needed_for = "counting by interface in a table of nf_tables (--netfilter nft)"},
     probe_nft_bpf},
    {{.name = "CONFIG_INET_UDP_DIAG", .needed_for = "cleaning up tags of UDP sockets where there is no release hook"},
     probe_udp_diag},
    {{.name = "MEMLOCK 8 MiB", .needed_for = "the maps' memory, before Linux 5.11", .required = LOAD_BACKEND_BPF},
     has_memory},
    {{.name = "BPF links", .needed_for = "attaching beside other programs", .required = LOAD_BACKEND_BPF}, has_links},
    {{.name = "cgroup2", .needed_for = "attaching to the sockets of all processes", .required = LOAD_BACKEND_BPF},
     has_cgroup2},
    {{.name = "bpffs", .needed_for = "maps and programs that outlive trafficd", .required = LOAD_BACKEND_BPF},
     has_bpffs},
    {{.name = "kernel BTF", .needed_for = "real owners of sockets in user namespaces, exact counts of fragments"},
     kernel_has_types},
    {{.name = "socket storage", .needed_for = "resolving once per socket instead of once per packet"},
     kernel_has_socket_storage},
    {{.name = "release hook", .needed_for = "removing the tag of a socket with its last close"},
     kernel_has_release_hook},
    {{.name = "MPTCP helper", .needed_for = "tags of MPTCP sockets"}, kernel_has_mptcp_helper},
    {{.name = "socket iterators",
      .needed_for = "cleaning up tags where there is no release hook; the bill of a user who tags inside a user "
                    "namespace"},
     has_socket_iterators},
    {{.name = "nf_tables by user",
      .needed_for = "counting and blocking by user where BPF cannot be had (--backend nft)",
      .required = LOAD_BACKEND_NFT},
     takes_users_table},
    {{.name = "early demux", .needed_for = "the owners of what is received, by nf_tables"}, has_early_demux},
};

const struct requirement *probe_missing(enum load_backend backend)
{
    for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
        if (probes[i].requirement.required == backend && !probes[i].try())
            return &probes[i].requirement;
    return NULL;
}

int loader_probe(struct requirement **ret_requirements, size_t *ret_count, struct fault *fault)
{
    int r = privilege_check(fault);
    if (r < 0 && privilege_check_nft(NULL) < 0)
        return r;
    struct requirement *list = calloc(ARRAY_SIZE(probes), sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
        list[i] = probes[i].requirement;
        list[i].ok = probes[i].try();
    }
    *ret_requirements = list;
    *ret_count = ARRAY_SIZE(probes);
    return 0;
}

int loader_would_take(const char *bpffs, struct tctl_backend *ret_backend, struct fault *fault)
{
    const struct load_options options = plain_options(bpffs);
    struct tctl_backend backend = {0};
    struct tctl_state here = {0};
    enum load_backend chosen;
    char why[LOAD_WHY_LEN];
    int r = choose_backend(&options, NULL, &chosen, why, fault);
    if (r == 0)
        r = ifaces_netns(&here.netns_inum);
    if (r < 0)
        return r;
    backend.name = load_backend_name(chosen);
    strcpy(backend.why, why);
    if (chosen == LOAD_BACKEND_NFT)
        nft_lacks(&here, &backend);
    *ret_backend = backend;
    return 0;
}
