/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Is an interface ready? The kernel takes notice in the background that one is up, and so makes the local route of
 * an IPv6 address: until then it drops what is sent, or what comes for that address.
 */
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "fd.h"
#include "inside.h"

#define ADDRESS 33 /* in hexadecimal, the ending NUL included */
#define RTF_LOCAL 0x80000000u

static bool is_running(const char *iface)
{
    struct ifreq request = {0};
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
    return fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_RUNNING;
}

static bool has_local_route(const char address[static ADDRESS])
{
    FILE *routes = fopen("/proc/thread-self/net/ipv6_route", "re");
    char to[ADDRESS], line[256];
    unsigned int flags;
    bool found = false;

    while (routes && !found && fgets(line, sizeof(line), routes))
        found = sscanf(line, "%32s 80 %*s %*s %*s %*s %*s %*s %x", to, &flags) == 2 && flags & RTF_LOCAL &&
                strcmp(to, address) == 0;
    if (routes)
        fclose(routes);
    return found;
}

/* An address that is tentative is not asked for yet. */
static bool addresses_have_routes(const char *iface)
{
    FILE *addresses = fopen("/proc/thread-self/net/if_inet6", "re");
    char address[ADDRESS], name[IFNAMSIZ], line[128];
    unsigned int flags;
    bool all = true;

    while (addresses && all && fgets(line, sizeof(line), addresses))
        if (sscanf(line, "%32s %*s %*s %*s %x %15s", address, &flags, name) == 3 && strcmp(name, iface) == 0 &&
            !(flags & 0x40))
            all = has_local_route(address);
    if (addresses)
        fclose(addresses);
    return all;
}

int world_wait_up(struct world *world, int netns, const char *iface)
{
    int patience_ms = 10000;

    if (setns(netns, CLONE_NEWNET) < 0)
        return SAY_ERRNO("setns");
    while (!(is_running(iface) && addresses_have_routes(iface)) && patience_ms-- > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (place_leave(world) < 0)
        return -EIO;
    return patience_ms > 0 ? 0 : SAY(-ETIMEDOUT, iface);
}
