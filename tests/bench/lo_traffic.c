/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "lo_traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "fd.h"
#include "traffic_abi.h"

#define DATA 18

struct wanted {
    uint32_t first;
    unsigned count;
};

/* Made by the user and not only given to it: nft asks for whoever made it. */
static int send_socket(int channel, uint32_t uid)
{
    setfsuid(uid);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setfsuid(0);
    return fd < 0 ? -errno : channel_send_fd(channel, fd);
}

static int send_sockets(int channel, void *arg)
{
    const struct wanted *wanted = arg;
    int r = 0;

    for (unsigned i = 0; i < wanted->count && r == 0; i++)
        r = send_socket(channel, wanted->first + i);
    return r;
}

int lo_open(struct world *world, uint32_t first, unsigned count, int *fds)
{
    struct wanted wanted = {first, count};
    struct actor maker = {.channel = -1};
    int r = actor_start(world, PLACE_A, 0, send_sockets, &wanted, &maker), made;

    if (r < 0)
        return r;
    for (unsigned i = 0; i < count && r == 0; i++) {
        fds[i] = channel_recv_fd(maker.channel);
        r = fds[i] < 0 ? fds[i] : 0;
    }
    made = actor_wait(&maker);
    return made < 0 ? made : r;
}

void lo_close(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fds[i] = fd_close(fds[i]);
}

/* The kernel chooses a port. */
static int find_address(int fd, struct sockaddr_in *address)
{
    const struct timeval patience = {.tv_sec = 2};
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(*address);

    if (getsockname(fd, (struct sockaddr *)address, &size) < 0)
        return -errno;
    if (address->sin_port)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
        return -errno;
    return getsockname(fd, (struct sockaddr *)address, &size) < 0 ? -errno : 0;
}

int lo_connect(int from, int to)
{
    struct sockaddr_in address = {0};
    int r = find_address(to, &address);

    return r < 0 ? r : connect(from, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int lo_tag(const struct competitor *competitor, const int *fds, unsigned count, uint32_t first)
{
    int r = 0;

    for (unsigned i = 0; i < count && r == 0 && competitor->who != EMPTY; i++) {
        const struct tctl_tag tag = {.uid = first + i, .tag = APP_TAG};
        uint64_t cookie;
        socklen_t size = sizeof(cookie);

        if (getsockopt(fds[i], SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
            return -errno;
        r = bpf_map_update_elem(competitor->cookie_tag, &cookie, &tag, BPF_ANY);
    }
    return r;
}

static void fill(struct mmsghdr messages[LO_BURST], struct iovec *data)
{
    for (int i = 0; i < LO_BURST; i++)
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = data, .msg_iovlen = 1}};
}

int lo_send(int from, unsigned packets)
{
    uint8_t bytes[DATA] = {0};
    struct iovec data = {bytes, sizeof(bytes)};
    struct mmsghdr messages[LO_BURST];
    int sent;

    fill(messages, &data);
    sent = sendmmsg(from, messages, packets, 0);
    if (sent < 0)
        return -errno;
    return (unsigned)sent < packets ? -ENOBUFS : 0;
}

int lo_take(int to, unsigned packets)
{
    uint8_t bytes[DATA];
    struct iovec data = {bytes, sizeof(bytes)};
    struct mmsghdr messages[LO_BURST];
    int n;

    fill(messages, &data);
    for (unsigned taken = 0; taken < packets; taken += (unsigned)n) {
        n = recvmmsg(to, messages, packets - taken, MSG_WAITFORONE, NULL);
        if (n < 0)
            return -errno;
    }
    return 0;
}

int lo_pass(int from, int to, unsigned packets)
{
    return lo_send(from, packets) ?: lo_take(to, packets);
}

int lo_attach(struct world *world, const struct competitor *competitor)
{
    int r;

    if (!competitor)
        return 0;
    r = bpf_prog_attach(competitor->egress, world->cgroup_fd, BPF_CGROUP_INET_EGRESS, BPF_F_ALLOW_MULTI);
    return r < 0 ? r
                 : bpf_prog_attach(competitor->ingress, world->cgroup_fd, BPF_CGROUP_INET_INGRESS, BPF_F_ALLOW_MULTI);
}

void lo_detach(struct world *world, const struct competitor *competitor)
{
    if (!competitor)
        return;
    bpf_prog_detach2(competitor->egress, world->cgroup_fd, BPF_CGROUP_INET_EGRESS);
    bpf_prog_detach2(competitor->ingress, world->cgroup_fd, BPF_CGROUP_INET_INGRESS);
}
