/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "missing.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <place.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <trafficctl/traffic.h>
#include <unistd.h>

#include "bpffs.h"
#include "cleanup.h"
#include "fd.h"
#include "mounts.h"
#include "privilege.h"

/* PROC_USER_INIT_INO: the kernel's own number of the first one. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFD

static bool say(char why[static LOAD_WHY_LEN], const char *text)
{
    snprintf(why, LOAD_WHY_LEN, "%s", text);
    return true;
}

static bool in_first_user_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/user", &status) == 0 && status.st_ino == FIRST_USER_NAMESPACE;
}

/* Kernels before 5.11 say EPERM too where too little memory may be locked, but not of what a user namespace lacks. */
static bool is_denied(int error)
{
    return error == -EPERM && !(privilege_memlock_is_small() && in_first_user_namespace());
}

static bool by_error(int error, const char *part, char why[static LOAD_WHY_LEN])
{
    if (error == -ENOSYS)
        return say(why, "this kernel lacks CONFIG_BPF_SYSCALL");
    if (error == -EINVAL)
        return say(why, part);
    return is_denied(error) && say(why, "bpf(2): Operation not permitted");
}

/* Unprivileged users may load such a program on some kernels; what it takes to attach it is asked before the group. */
static bool lacks_programs(char why[static LOAD_WHY_LEN])
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    privilege_raise_memlock();
    _cleanup_fd_ int program =
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, NULL, "Dual BSD/GPL", pass, ARRAY_SIZE(pass), NULL);
    if (program < 0)
        return by_error(program, "this kernel lacks CONFIG_CGROUP_BPF", why);
    int link = bpf_link_create(program, -1, BPF_CGROUP_INET_INGRESS, NULL);
    return by_error(link, "this kernel lacks BPF links", why);
}

/* Who names a control group is told of it what is wrong. */
static bool lacks_cgroup2(const struct load_options *options, char why[static LOAD_WHY_LEN])
{
    _cleanup_free_ char *mounted = NULL;
    if (options->cgroup || mounts_find("cgroup2", &mounted) != -ENOENT)
        return false;
    if (!mounts_knows("cgroup2"))
        return say(why, "this kernel lacks cgroup2");
    return !privilege_has(CAP_SYS_ADMIN) && say(why, "no cgroup2 is mounted, and mounting one needs CAP_SYS_ADMIN");
}

/* Who names a directory is told what is wrong with it. */
static bool lacks_bpffs(const char *dir, char why[static LOAD_WHY_LEN])
{
    if (strcmp(dir, TCTL_BPFFS) == 0 && access(dir, F_OK) < 0 && errno == ENOENT)
        return say(why, "there is no " TCTL_BPFFS);
    return bpffs_is_missing(dir) && !privilege_has(CAP_SYS_ADMIN) &&
           say(why, "no bpffs is mounted, and mounting one needs CAP_SYS_ADMIN");
}

bool missing_bpf(const struct load_options *options, char why[static LOAD_WHY_LEN])
{
    if (privilege_check(NULL) == -EPERM)
        return say(why, "this process lacks CAP_BPF or CAP_PERFMON");
    return lacks_programs(why) || lacks_cgroup2(options, why) || lacks_bpffs(options->bpffs, why);
}
