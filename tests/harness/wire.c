/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Two capture points in M: what leaves through m1 goes from A to B, what leaves through m0 comes back. Each packet is
 * noted when somebody asks; until then it waits in the socket, whose buffer is larger than any test sends.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "inside.h"

#define SNAP 512
#define BUFFER (1 << 30)

struct note {
    uint8_t family; /* 4 or 6 */
    uint8_t protocol;
    bool tx;
    uint8_t address; /* last byte of the address in A; 0: an address that is not A's */
    uint16_t port;   /* in A; 0 when the packet shows none */
    uint32_t bytes;
};

struct wire {
    int point[2]; /* m0: to A, m1: to B */
    struct note *note;
    size_t count, room;
    uint32_t largest; /* packet that came into M, before it was taken apart */
};

static int point_new(struct world *world, const char *device, int *ret_fd)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int buffer = BUFFER, ignore = 0;
    int r = place_enter(world, PLACE_M);
    _cleanup_fd_ int fd = -1;

    if (r < 0)
        return r;
    fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    at.sll_ifindex = (int)if_nametoindex(device);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore)) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        r = SAY_ERRNO("capture");
    if (place_leave(world) < 0)
        return -EIO;
    if (r == 0)
        *ret_fd = fd_take(&fd);
    return r;
}

struct wire *wire_free(struct wire *wire)
{
    if (wire) {
        fd_close(wire->point[0]);
        fd_close(wire->point[1]);
        free(wire->note);
        free(wire);
    }
    return NULL;
}

int wire_new(struct world *world, struct wire **ret_wire)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    int r;

    if (!wire)
        return -ENOMEM;
    wire->point[0] = wire->point[1] = -1;
    r = point_new(world, "m0", &wire->point[0]) ?: point_new(world, "m1", &wire->point[1]);
    if (r < 0)
        wire_free(wire);
    else
        *ret_wire = wire;
    return r;
}

/* Port in A, from the first bytes of a TCP or UDP header. */
static uint16_t port_of(const uint8_t *l4, const uint8_t *end, uint8_t protocol, bool tx)
{
    if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || l4 + 4 > end)
        return 0;
    l4 += tx ? 0 : 2;
    return (uint16_t)(l4[0] << 8 | l4[1]);
}

static bool note_ip4(struct note *note, const uint8_t *packet, const uint8_t *end)
{
    const struct iphdr *ip = (const void *)packet;
    uint32_t address;

    if (packet + sizeof(*ip) > end)
        return false;
    address = ntohl(note->tx ? ip->saddr : ip->daddr);
    note->family = 4;
    note->protocol = ip->protocol;
    note->address = address >> 8 == 0xc00002 ? (uint8_t)address : 0;
    if (!(ip->frag_off & htons(IP_MF | IP_OFFMASK)))
        note->port = port_of(packet + ip->ihl * 4, end, ip->protocol, note->tx);
    return true;
}

/* Walks extension headers to the real protocol; that of a fragment is the one of its whole. */
static bool note_ip6(struct note *note, const uint8_t *packet, const uint8_t *end)
{
    const struct ip6_hdr *ip = (const void *)packet;
    const uint8_t *next = packet + sizeof(*ip), *address = (const void *)(note->tx ? &ip->ip6_src : &ip->ip6_dst);
    bool fragment = false, later = false;
    uint8_t protocol;

    if (next > end)
        return false;
    protocol = ip->ip6_nxt;
    while (!later && next + 8 <= end &&
           (protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_ROUTING ||
            protocol == IPPROTO_FRAGMENT)) {
        bool is_fragment = protocol == IPPROTO_FRAGMENT;

        later = is_fragment && (next[2] || next[3] & 0xf8);
        fragment |= is_fragment;
        protocol = next[0];
        next += is_fragment ? 8 : 8 + next[1] * 8;
    }
    note->family = 6;
    note->protocol = protocol;
    note->address = memcmp(address, "\xfd\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0", 15) == 0 ? address[15] : 0;
    note->port = fragment ? 0 : port_of(next, end, protocol, note->tx);
    return true;
}

static int wire_add(struct wire *wire, const struct note *note)
{
    if (wire->count == wire->room) {
        size_t room = wire->room ? wire->room * 2 : 4096;
        struct note *grown = reallocarray(wire->note, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        wire->note = grown;
        wire->room = room;
    }
    wire->note[wire->count++] = *note;
    return 0;
}

/* One packet off a capture point. 1: there was one; 0: there is none. */
static int point_take(struct wire *wire, bool tx)
{
    uint8_t packet[SNAP];
    struct sockaddr_ll from = {0};
    socklen_t length = sizeof(from);
    ssize_t n = recvfrom(wire->point[tx], packet, sizeof(packet), MSG_TRUNC, (struct sockaddr *)&from, &length);
    struct note note = {.tx = tx, .bytes = (uint32_t)n};
    const uint8_t *end = packet + (n < SNAP ? n : SNAP);
    bool mine = false;

    if (n < 0)
        return errno == EAGAIN ? 0 : SAY_ERRNO("capture");
    if (from.sll_pkttype != PACKET_OUTGOING) {
        wire->largest = (uint32_t)n > wire->largest ? (uint32_t)n : wire->largest;
        return 1;
    }
    if (from.sll_protocol == htons(ETH_P_IP))
        mine = note_ip4(&note, packet, end);
    else if (from.sll_protocol == htons(ETH_P_IPV6))
        mine = note_ip6(&note, packet, end);
    return mine ? (wire_add(wire, &note) ?: 1) : 1;
}

static int wire_drain(struct wire *wire)
{
    for (int i = 0; i < 2; i++) {
        struct tpacket_stats stats;
        socklen_t length = sizeof(stats);
        int r;

        while ((r = point_take(wire, i)) > 0)
            ;
        if (r < 0)
            return r;
        if (getsockopt(wire->point[i], SOL_PACKET, PACKET_STATISTICS, &stats, &length) < 0)
            return SAY_ERRNO("PACKET_STATISTICS");
        if (stats.tp_drops > 0)
            return SAY(-ENOBUFS, "the capture lost packets");
    }
    return 0;
}

int wire_reset(struct world *world)
{
    int r = wire_drain(world->wire);

    world->wire->count = 0;
    world->wire->largest = 0;
    return r;
}

uint32_t wire_largest(struct world *world)
{
    return wire_drain(world->wire) < 0 ? 0 : world->wire->largest;
}

static bool note_matches(const struct note *note, const struct wire_filter *filter)
{
    return (!filter->family || (filter->family == AF_INET6) == (note->family == 6)) &&
           (!filter->protocol || filter->protocol == note->protocol) &&
           (!filter->address || filter->address == note->address) && (!filter->port || filter->port == note->port);
}

int wire_count(struct world *world, const struct wire_filter *filter, struct tctl_counters *ret_counters)
{
    struct tctl_counters sum = {0};
    struct wire *wire = world->wire;
    int r = wire_drain(wire);

    if (r < 0)
        return r;
    for (size_t i = 0; i < wire->count; i++) {
        const struct note *note = &wire->note[i];

        if (!note_matches(note, filter))
            continue;
        *(note->tx ? &sum.tx_packets : &sum.rx_packets) += 1;
        *(note->tx ? &sum.tx_bytes : &sum.rx_bytes) += note->bytes;
    }
    *ret_counters = sum;
    return 0;
}
