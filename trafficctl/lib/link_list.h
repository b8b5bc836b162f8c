/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Interfaces as rtnetlink tells of them: one message, or all interfaces of this process's network namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/if_link.h>
#include <traffic_abi.h>

struct nlmsghdr;

#define LINK_KIND_LEN 16

struct link_info {
    uint32_t index; /* below 2^31 */
    char name[TCTL_IFNAME_LEN];
    uint16_t type;            /* ARPHRD_ETHER, …: tells the length of the link's own header */
    uint32_t flags;           /* IFF_UP, … */
    char kind[LINK_KIND_LEN]; /* "veth", "vlan", …, as far as it fits; empty: hardware, loopback, tun */
    uint32_t master;          /* number of its bridge, bond, …; 0: none */
    uint32_t lower;           /* number of what it lies on, a VLAN's interface; 0: none, or in another namespace */
    bool has_stats;
    struct rtnl_link_stats64 stats; /* of a shorter kernel's fields those that it knows, else 0 */
};

/*
 * What RTM_NEWLINK or RTM_DELLINK says. All header->nlmsg_len bytes must be readable. -EBADMSG: this is none, or cut,
 * or without a name of 1 to 15 bytes, or with an impossible number. -EAFNOSUPPORT: it is one of those by which a
 * bridge, or IPv6, tells of its own view of an interface, whose type may be RTM_DELLINK while the interface stays.
 * ret_info is untouched by a failure.
 */
int link_parse(const struct nlmsghdr *header, struct link_info *ret_info);

/*
 * All interfaces, in no order; free the list. -ENOMEM, -errno of netlink, -EBADMSG as above; -EINTR: interfaces came
 * and went so fast that no list was whole, many times.
 */
int link_list_read(struct link_info **ret_list, size_t *ret_count);
