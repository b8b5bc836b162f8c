/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "burst.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "window.h"

#define PORT 7000

int burst_new_veth(struct world *world)
{
    return world_run(world, PLACE_A, "ip link add " BURST_IFACE " type veth peer name d1")
               ?: world_run(world, PLACE_A, "ip link set d1 netns /proc/%d/fd/%d", getpid(), world->netns[PLACE_B])
               ?: world_run(world, PLACE_A, "ip addr add " BURST_OURS "/30 dev " BURST_IFACE)
               ?: world_run(world, PLACE_B, "ip addr add " BURST_THEIRS "/30 dev d1")
               ?: world_run(world, PLACE_A, "ip link set " BURST_IFACE " addrgenmode none up")
               ?: world_run(world, PLACE_B, "ip link set d1 addrgenmode none up");
}

static struct sockaddr_in at(const char *address)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = inet_addr(address)};
}

/* Blocking, since one that waits for a packet is woken by it; not for ever. */
static int open_end(struct world *world, enum place place, uid_t uid, const char *address)
{
    const struct timeval patience = {.tv_sec = 2};
    const struct sockaddr_in here = at(address);
    _cleanup_fd_ int fd = socket_as(world, place, uid, AF_INET, SOCK_DGRAM, 0);

    if (fd < 0)
        return fd;
    if (fcntl(fd, F_SETFL, 0) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0)
        return -errno;
    return fd_take(&fd);
}

/* The kernel knows whose a packet is when it comes in, for a rule that asks, only where the socket is connected. */
static int join(int from, const char *address)
{
    const struct sockaddr_in there = at(address);

    return connect(from, (const struct sockaddr *)&there, sizeof(there)) < 0 ? -errno : 0;
}

int burst_open_veth(struct world *world, struct burst_pair *ret_pair)
{
    ret_pair->ours = open_end(world, PLACE_A, APP, BURST_OURS);
    ret_pair->theirs = open_end(world, PLACE_B, 0, BURST_THEIRS);
    if (ret_pair->ours < 0 || ret_pair->theirs < 0)
        return ret_pair->ours < 0 ? ret_pair->ours : ret_pair->theirs;
    return join(ret_pair->ours, BURST_THEIRS) ?: join(ret_pair->theirs, BURST_OURS);
}

int burst_open_loopback(struct world *world, struct burst_pair *ret_pair)
{
    return lo_open(world, APP, 1, &ret_pair->ours)
               ?: lo_open(world, APP, 1, &ret_pair->theirs)
               ?: lo_connect(ret_pair->ours, ret_pair->theirs)
               ?: lo_connect(ret_pair->theirs, ret_pair->ours);
}

void burst_close(struct burst_pair *pair)
{
    lo_close(&pair->ours, 1);
    lo_close(&pair->theirs, 1);
}

int burst_pass(const struct burst_pair *pair, bool out)
{
    return lo_pass(out ? pair->ours : pair->theirs, out ? pair->theirs : pair->ours, BURST_PACKETS);
}

static int pass_out(void *arg)
{
    return burst_pass(arg, true);
}

static int pass_in(void *arg)
{
    return burst_pass(arg, false);
}

int64_t burst_rate(const struct burst_pair *pair, bool out)
{
    struct burst_pair sockets = *pair;

    return window_rate(out ? pass_out : pass_in, &sockets, BURST_PACKETS);
}

int burst_is_refused(struct world *world, uid_t uid)
{
    const struct sockaddr_in there = at(BURST_THEIRS);
    _cleanup_fd_ int fd = socket_as(world, PLACE_A, uid, AF_INET, SOCK_DGRAM, 0);

    if (fd < 0)
        return fd;
    if (sendto(fd, "", 1, 0, (const struct sockaddr *)&there, sizeof(there)) == 1)
        return -ENODATA;
    return errno == EPERM ? 0 : -errno;
}
