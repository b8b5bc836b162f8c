/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_any(const struct __user_cap_data_struct *data)
{
    uint32_t all = 0;

    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        all |= data[i].effective | data[i].permitted | data[i].inheritable;
    return all;
}

/* A service manager that let us have none may refuse the call, too. */
int confine(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &header, now) < 0)
        return -errno;
    return has_any(now) && syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}
