/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "own_addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

int own_addresses_read(struct own_addresses *own)
{
    return getifaddrs(&own->list) < 0 ? -errno : 0;
}

void own_addresses_done(struct own_addresses *own)
{
    if (own->list)
        freeifaddrs(own->list);
}

static bool is(const struct sockaddr *one, const struct inet_address *address)
{
    if (!one || one->sa_family != (address->ipv6 ? AF_INET6 : AF_INET))
        return false;
    if (address->ipv6)
        return memcmp(&((const struct sockaddr_in6 *)one)->sin6_addr, address->word, 16) == 0;
    return ((const struct sockaddr_in *)one)->sin_addr.s_addr == address->word[0];
}

bool own_addresses_have(const struct own_addresses *own, const struct inet_address *address)
{
    for (const struct ifaddrs *entry = own->list; entry; entry = entry->ifa_next)
        if (is(entry->ifa_addr, address))
            return true;
    return false;
}
