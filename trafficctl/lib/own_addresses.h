/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The addresses of this network namespace's interfaces: what is sent there stays on the machine. */
#pragma once

#include <stdbool.h>

#include "inet_sockets.h"

struct ifaddrs;

/* A zeroed one has none. */
struct own_addresses {
    struct ifaddrs *list;
};

/* End with own_addresses_done(), also after a failure. -errno of netlink. */
int own_addresses_read(struct own_addresses *own);
void own_addresses_done(struct own_addresses *own);
bool own_addresses_have(const struct own_addresses *own, const struct inet_address *address);
