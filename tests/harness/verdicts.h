/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall's decision table: its rows, made in this one place, and what each of them has to give, by a reference
 * that is slow and plain and knows nothing of bpf/firewall.bpf.h. Run natively, in the kernel, and by real sockets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traffic_abi.h"

/* What a chain has to say of a UID: netd's maps hold nothing, 1, 0 or something odd. Elsewhere odd is allowed. */
enum verdict_entry {
    VERDICT_ABSENT,
    VERDICT_ALLOWED,
    VERDICT_DENIED,
    VERDICT_ODD,
    VERDICT_ENTRIES,
};

/* From where a UID may receive. */
enum verdict_iif {
    VERDICT_IIF_NONE, /* no rule */
    VERDICT_IIF_ANY,
    VERDICT_IIF_PLAIN,
    VERDICT_IIF_METERED,
    VERDICT_IIF_GONE, /* an interface that is not there */
    VERDICT_IIFS,
};

/* Where a packet goes, or comes from. */
enum verdict_place {
    VERDICT_LOOPBACK,
    VERDICT_PLAIN,
    VERDICT_METERED,
    VERDICT_FOREIGN, /* in another network namespace, with the number of the plain one */
    VERDICT_FOREIGN_LOOPBACK,
    VERDICT_PLACES,
};

/* What is wrong with a packet. */
enum verdict_flaw {
    VERDICT_SOUND,
    VERDICT_CUT,            /* after so many bytes */
    VERDICT_FIRST_FRAGMENT, /* IPv4's two; IPv6 has a header for them */
    VERDICT_LATER_FRAGMENT,
    VERDICT_BAD_VERSION,
    VERDICT_SHORT_IHL,
    VERDICT_SHORT_DOFF, /* below 5 */
    VERDICT_LONG_DOFF,  /* beyond the end */
    VERDICT_FLAWS,
};

#define VERDICT_EXTENSIONS 9

struct verdict_packet {
    bool ipv6;
    uint8_t protocol;
    uint8_t tcp_flags;
    uint8_t icmp_type;
    uint8_t ip_options, tcp_options; /* bytes, multiples of 4 up to 40 */
    uint8_t extension_count;         /* of IPv6 */
    uint8_t extensions[VERDICT_EXTENSIONS];
    uint16_t payload; /* bytes behind the transport header, which is 8 long where it is not TCP's */
    uint16_t cut;
    enum verdict_flaw flaw;
};

struct verdict_rules {
    uint8_t entry[TCTL_CHAINS]; /* enum verdict_entry, by chain; 0 is not used */
    enum verdict_iif iif;
    bool lockdown;
};

/* Who sends or receives, and whom the firewall may judge. */
struct verdict_class {
    const char *name;
    uint32_t owner, user; /* different: the owner is of a user namespace of the user's */
    uint32_t per_user_range, first, last;
};
#define VERDICT_OWNER 10001 /* of every class whose owner answers for himself */

struct verdict_case {
    const struct verdict_class *class;
    struct verdict_rules owner, user; /* user: only where that is another */
    bool on[TCTL_CHAINS];
    bool closed, exempt_esp, exempt_loopback;
    bool crafted; /* by a raw socket */
    bool out;
    enum verdict_place place;
    struct verdict_packet packet;
};

struct verdict_expected {
    bool pass;
    uint32_t reason; /* enum tctl_reason; 0: passes */
    bool of_user;    /* it is the user's rule, or also his */
};

/* The reference. */
struct verdict_expected verdict_expect(const struct verdict_case *row);

/* The packet as the programs see it, network header first. Returns its length, at most VERDICT_PACKET. */
#define VERDICT_PACKET 2048
#define VERDICT_PAYLOAD 1400 /* at most */
size_t verdict_packet_bytes(const struct verdict_packet *packet, uint8_t *to);

/* Every row of the table, in an order in which rules seldom change. Returns how many. */
typedef void (*verdict_fn)(const struct verdict_case *row, void *arg);
uint64_t verdicts_each(verdict_fn fn, void *arg);

/* Any row, also none of the table's. *seed: xorshift64, not 0. */
void verdict_random(uint64_t *seed, struct verdict_case *ret_row);

/* In words, static. */
const char *verdict_describe(const struct verdict_case *row);
