/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl: what was counted, beside what the kernel itself says of its interfaces, and why the two differ.
 * Handles are those of trafficctl/traffic.h, and what is said there of threads and failures holds here.
 */
#ifndef TRAFFICCTL_VERIFY_H
#define TRAFFICCTL_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trafficctl/traffic.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct tctl_amount {
    uint64_t packets;
    uint64_t bytes;
};

/* A part of a difference; below zero: the second of the two has more. */
struct tctl_part {
    int64_t packets;
    int64_t bytes;
};

/*
 * One direction of an interface. What the link says is what its users have, and all of the parts:
 *
 *   link      = interface + headers + other + merged + unlinked
 *   interface = users + forwarded + ownerless + outside + extra + unexplained
 *
 * in packets and in bytes. Where interfaces are not counted, interface stands for users.
 */
struct tctl_verify_side {
    struct tctl_amount link;      /* the link's own statistics, less before */
    struct tctl_amount before;    /* those when counting began for it */
    struct tctl_amount interface; /* as the interface programs count: L3 bytes, on the wire */
    struct tctl_amount users;     /* all users' rows of it */
    struct tctl_part headers;     /* of the link or another layer, which the link counts as bytes */
    struct tctl_part other;       /* no IP (ARP), or past the interface programs: dropped before them, AF_PACKET */
    struct tctl_part merged;      /* what the link takes for one packet, and the wire has in several */
    struct tctl_part unlinked;    /* counted, but not by the link: tx: dropped then; rx: a bridge passed it on */
    struct tctl_part forwarded;   /* for somebody else */
    struct tctl_part ownerless;   /* tx: sent by the kernel itself; rx: no counted socket took it */
    struct tctl_part outside;     /* tx: sent by sockets outside the control group, where not all are counted */
    struct tctl_part extra;       /* users have more: tx: dropped after that; rx: several sockets took it */
    struct tctl_part unexplained;
    struct tctl_amount moved; /* what the link counted while all this was read: as much may be in any part */
    uint32_t header;          /* bytes that the link counts for its header in each packet, as the numbers tell */
};

struct tctl_verify_row {
    char iface[TCTL_IFACE_LEN];
    bool noted; /* false: nobody noted where counting began here, so that all of the link's statistics are in link */
    struct tctl_verify_side rx, tx;
};

struct tctl_verified {
    bool interfaces; /* false: interfaces are not counted (netfilter = off): interface, merged and so on say less */
    struct tctl_verify_row *rows;
    size_t count;
};

/*
 * Interfaces that are there, ascending by name. Needs read_group. End with tctl_verified_done(). -EXDEV: this is not
 * the network namespace that trafficd counts, whose interfaces nobody else can ask about; -EOPNOTSUPP: it counts by
 * nf_tables; -ENOMEM, -errno of netlink and bpf(2).
 */
int tctl_verify(struct tctl *traffic, struct tctl_verified *ret_verified);
void tctl_verified_done(struct tctl_verified *verified);

/* Is more unexplained on this side than what moved meanwhile? */
bool tctl_verify_doubts(const struct tctl_verify_side *side);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
