/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl/interfaces: memory for who writes it, a copy for who only reads. */
#pragma once

#include <traffic_abi.h>

/* Map the page that is pinned below bpffs, writable, for root; end with interfaces_unmap(). -errno. */
int interfaces_map(const char *bpffs, struct tctl_interfaces **ret_page);
/* NULL is fine. Always returns NULL. */
struct tctl_interfaces *interfaces_unmap(struct tctl_interfaces *page);

/* The page now; needs read_group. -ENOENT: not pinned; errors of pins_open_map() and errno of bpf(2). */
int interfaces_read(const char *bpffs, struct tctl_interfaces *ret_page);
