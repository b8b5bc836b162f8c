/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "veth_traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"
#include "fd.h"

#define PORT 7000
#define WARM_NS INT64_C(10000000)
#define WINDOW_NS INT64_C(100000000)

int veth_new(struct world *world)
{
    return world_run(world, PLACE_A, "ip link add " VETH_IFACE " type veth peer name d1")
               ?: world_run(world, PLACE_A, "ip link set d1 netns /proc/%d/fd/%d", getpid(), world->netns[PLACE_B])
               ?: world_run(world, PLACE_A, "ip addr add " VETH_OURS "/30 dev " VETH_IFACE)
               ?: world_run(world, PLACE_B, "ip addr add " VETH_THEIRS "/30 dev d1")
               ?: world_run(world, PLACE_A, "ip link set " VETH_IFACE " addrgenmode none up")
               ?: world_run(world, PLACE_B, "ip link set d1 addrgenmode none up");
}

/* Blocking, since one that waits for a packet is woken by it; not for ever. */
static int open_end(struct world *world, enum place place, uid_t uid, const char *address)
{
    const struct timeval patience = {.tv_sec = 2};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = inet_addr(address)};
    _cleanup_fd_ int fd = socket_as(world, place, uid, AF_INET, SOCK_DGRAM, 0);

    if (fd < 0)
        return fd;
    if (fcntl(fd, F_SETFL, 0) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -errno;
    return fd_take(&fd);
}

/* The kernel knows whose a packet is when it comes in, for a rule that asks, only where the socket is connected. */
static int connect_end(int fd, const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = inet_addr(address)};

    return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

int veth_open(struct world *world, struct veth_sockets *ret_sockets)
{
    ret_sockets->ours = open_end(world, PLACE_A, VETH_UID, VETH_OURS);
    ret_sockets->theirs = open_end(world, PLACE_B, 0, VETH_THEIRS);
    if (ret_sockets->ours < 0 || ret_sockets->theirs < 0)
        return ret_sockets->ours < 0 ? ret_sockets->ours : ret_sockets->theirs;
    return connect_end(ret_sockets->ours, VETH_THEIRS) ?: connect_end(ret_sockets->theirs, VETH_OURS);
}

void veth_close(struct veth_sockets *sockets)
{
    sockets->ours = sockets->ours < 0 ? -1 : fd_close(sockets->ours);
    sockets->theirs = sockets->theirs < 0 ? -1 : fd_close(sockets->theirs);
}

static int take_burst(int from, struct mmsghdr *messages)
{
    for (int taken = 0, n; taken < VETH_BURST; taken += n) {
        n = recvmmsg(from, messages, (unsigned)(VETH_BURST - taken), MSG_WAITFORONE, NULL);
        if (n < 0)
            return -errno;
    }
    return 0;
}

int veth_udp_pass(const struct veth_sockets *sockets, bool out)
{
    uint8_t data[VETH_UDP_BYTES] = {0};
    struct iovec all = {data, sizeof(data)};
    struct mmsghdr messages[VETH_BURST];

    for (int i = 0; i < VETH_BURST; i++)
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &all, .msg_iovlen = 1}};
    int sent = sendmmsg(out ? sockets->ours : sockets->theirs, messages, VETH_BURST, 0);
    if (sent < 0)
        return -errno;
    return sent < VETH_BURST ? -ENOBUFS : take_burst(out ? sockets->theirs : sockets->ours, messages);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* For so long and until the burst ends: a way that is a hundred times slower takes no longer. */
static int64_t rate_for(const struct veth_sockets *sockets, bool out, int64_t ns)
{
    int64_t start = now_ns(), elapsed = 0, packets = 0;

    for (; elapsed < ns; elapsed = now_ns() - start) {
        int r = veth_udp_pass(sockets, out);
        if (r < 0)
            return r;
        packets += VETH_BURST;
    }
    return packets * INT64_C(1000000000) / elapsed;
}

int64_t veth_udp_rate(const struct veth_sockets *sockets, bool out)
{
    cpu_set_t before;

    cpu_stay(CPU_LAST, &before);
    int64_t rate = rate_for(sockets, out, WARM_NS);
    if (rate > 0)
        rate = rate_for(sockets, out, WINDOW_NS);
    sched_setaffinity(0, sizeof(before), &before);
    return rate;
}
