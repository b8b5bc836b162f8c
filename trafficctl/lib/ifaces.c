/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ifaces.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int ifaces_list(struct ifaces *ret_ifaces)
{
    ret_ifaces->all = if_nameindex();
    return ret_ifaces->all ? 0 : -errno;
}

void ifaces_done(struct ifaces *ifaces)
{
    if (ifaces->all)
        if_freenameindex(ifaces->all);
    ifaces->all = NULL;
}

uint32_t ifaces_number(const struct ifaces *ifaces, const char *name)
{
    for (const struct if_nameindex *iface = ifaces->all; iface->if_index; iface++) {
        if (strcmp(iface->if_name, name) == 0)
            return iface->if_index;
    }
    return 0;
}

const char *ifaces_name(const struct ifaces *ifaces, uint32_t number)
{
    for (const struct if_nameindex *iface = ifaces->all; iface->if_index; iface++) {
        if (iface->if_index == number)
            return iface->if_name;
    }
    return NULL;
}

int ifaces_netns(uint32_t *ret_inum)
{
    struct stat here;
    if (stat("/proc/thread-self/ns/net", &here) < 0)
        return -errno;
    *ret_inum = (uint32_t)here.st_ino;
    return 0;
}

int ifaces_are_of(uint32_t netns_inum, bool *ret_same)
{
    uint32_t here = 0;
    int r = ifaces_netns(&here);
    *ret_same = r == 0 && here == netns_inum;
    return r;
}
