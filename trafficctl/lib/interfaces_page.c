/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "interfaces_page.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "fd.h"
#include "pins.h"

int interfaces_map(const char *bpffs, struct tctl_interfaces **ret_page)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, PIN_INTERFACES, true, &fd);
    if (r < 0)
        return r;
    struct tctl_interfaces *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return -errno;
    *ret_page = page;
    return 0;
}

struct tctl_interfaces *interfaces_unmap(struct tctl_interfaces *page)
{
    if (page)
        munmap(page, sizeof(*page));
    return NULL;
}

int interfaces_read(const char *bpffs, struct tctl_interfaces *ret_page)
{
    const __u32 entry = 0;
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, PIN_INTERFACES, false, &fd);
    return r < 0 ? r : bpf_map_lookup_elem(fd, &entry, ret_page);
}
