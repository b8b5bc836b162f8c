/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The interfaces of this process's network namespace: names and numbers of one moment. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>

#define IFACES_LOOPBACK 1 /* its number in every network namespace */

struct ifaces {
    struct if_nameindex *all; /* ends with number 0 */
};

/* End with ifaces_done(), also after a failure. -errno of netlink. */
int ifaces_list(struct ifaces *ret_ifaces);
void ifaces_done(struct ifaces *ifaces);

/* 0: there is no such interface. */
uint32_t ifaces_number(const struct ifaces *ifaces, const char *name);
/* NULL: there is no such interface. */
const char *ifaces_name(const struct ifaces *ifaces, uint32_t number);

/* Inode number of this process's network namespace. -errno of stat(2). */
int ifaces_netns(uint32_t *ret_inum);
/* Is this the network namespace with this inode number? -errno of stat(2). */
int ifaces_are_of(uint32_t netns_inum, bool *ret_same);
