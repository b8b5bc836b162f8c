/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has(const struct __user_cap_data_struct *data, unsigned int capability)
{
    return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

static int read_effective(struct __user_cap_data_struct data[static _LINUX_CAPABILITY_U32S_3])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &header, data) < 0 ? -errno : 0;
}

bool privilege_has(unsigned int capability)
{
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    return read_effective(data) == 0 && has(data, capability);
}

int privilege_check(struct fault *fault)
{
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    int r = read_effective(data);
    if (r < 0)
        return r;

    bool all = has(data, CAP_SYS_ADMIN);
    bool bpf = all || has(data, CAP_BPF), perfmon = all || has(data, CAP_PERFMON), net = has(data, CAP_NET_ADMIN);
    if (bpf && perfmon && net)
        return 0;
    return fault_set(fault, -EPERM,
                     "loading programs needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (CAP_SYS_ADMIN and CAP_NET_ADMIN "
                     "before Linux 5.8), and this process lacks%s%s%s: run it as root",
                     bpf ? "" : " CAP_BPF", perfmon ? "" : " CAP_PERFMON", net ? "" : " CAP_NET_ADMIN");
}

int privilege_check_nft(struct fault *fault)
{
    if (geteuid() == 0 && privilege_has(CAP_NET_ADMIN))
        return 0;
    return fault_set(fault, -EPERM, "counting by nf_tables needs UID 0 with CAP_NET_ADMIN: run it as root");
}

void privilege_raise_memlock(void)
{
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

bool privilege_memlock_is_small(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < 8 * 1024 * 1024;
}
