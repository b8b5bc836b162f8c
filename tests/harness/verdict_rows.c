/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The rows. Every packet meets some states of the rules, and every state of the rules some packets; each everywhere,
 * both ways, for every class of UID.
 */
#include <string.h>

#include "verdicts.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))
#define MAX_PACKETS 8192
#define TCP 6
#define UDP 17
#define ESP 50
#define ICMPV6 58
#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define SOLICITATION 135

static const struct verdict_class classes[] = {
    {"system", 10001, 10001, 0, 20000, 30000},
    {"app", 10001, 10001, 0, 10000, 20000},
    {"first and last app", 10001, 10001, 0, 10001, 10001},
    {"of another user", 10001, 10001, 5000, 1, 100},
    {"system of another user", 10001, 10001, 5000, 10000, 20000},
    {"of a user's namespace", 100999, 10001, 0, 10000, 200000},
    {"of a user's namespace, outside the ranges", 100999, 10001, 0, 10000, 20000},
    {"of a system user's namespace", 100999, 10001, 0, 100000, 200000},
};

static const uint8_t extension_types[] = {0, 43, 60, 44, 51, 135, 59};

struct packets {
    size_t count;
    struct verdict_packet packet[MAX_PACKETS];
};

static void add(struct packets *to, struct verdict_packet packet)
{
    if (to->count < MAX_PACKETS)
        to->packet[to->count++] = packet;
}

/* What exemptions are about, without anything behind it. */
static struct verdict_packet bare(bool ipv6, uint8_t protocol)
{
    return (struct verdict_packet){
        .ipv6 = ipv6,
        .protocol = protocol,
        .tcp_flags = protocol == TCP ? RST | ACK : 0,
        .icmp_type = protocol == ICMPV6 ? SOLICITATION : 0,
    };
}

static void add_tcp(struct packets *to, bool ipv6)
{
    static const uint16_t payloads[] = {0, 1, VERDICT_PAYLOAD};
    struct verdict_packet packet = bare(ipv6, TCP);

    for (unsigned flags = 0; flags < 64; flags++)
        for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
            packet.tcp_flags = (uint8_t)flags;
            packet.payload = payloads[i];
            packet.tcp_options = flags & SYN ? 20 : 0;
            packet.ip_options = flags == (FIN | ACK) && !ipv6 ? 40 : 0;
            add(to, packet);
        }
}

static void add_protocols(struct packets *to, bool ipv6)
{
    struct verdict_packet packet = {.ipv6 = ipv6};

    for (unsigned n = 0; n < 256; n++) {
        packet.protocol = (uint8_t)n;
        packet.icmp_type = 0;
        packet.payload = n & 1 ? 100 : 0;
        add(to, packet);
        packet.protocol = ICMPV6;
        packet.icmp_type = (uint8_t)n;
        add(to, packet);
        packet.protocol = 1;
        add(to, packet);
    }
}

static void add_flaws(struct packets *to, struct verdict_packet packet)
{
    uint8_t bytes[VERDICT_PACKET];
    size_t length = verdict_packet_bytes(&packet, bytes);

    for (enum verdict_flaw flaw = VERDICT_CUT + 1; flaw < VERDICT_FLAWS; flaw++) {
        bool of_tcp = flaw == VERDICT_SHORT_DOFF || flaw == VERDICT_LONG_DOFF;

        packet.flaw = flaw;
        if (of_tcp ? packet.protocol == TCP : !packet.ipv6 || flaw == VERDICT_BAD_VERSION)
            add(to, packet);
    }
    packet.flaw = VERDICT_CUT;
    for (packet.cut = 1; packet.cut < length; packet.cut++)
        add(to, packet);
}

static void add_extended(struct packets *to, uint8_t protocol)
{
    struct verdict_packet packet = bare(true, protocol);

    for (size_t i = 0; i < ARRAY_SIZE(extension_types); i++) {
        packet.extension_count = 1;
        packet.extensions[0] = extension_types[i];
        add(to, packet);
        packet.extension_count = 2;
        for (size_t j = 0; j < ARRAY_SIZE(extension_types); j++) {
            packet.extensions[1] = extension_types[j];
            add(to, packet);
        }
        memset(packet.extensions, 60, sizeof(packet.extensions));
        packet.extensions[0] = extension_types[i];
        for (packet.extension_count = 3; packet.extension_count <= VERDICT_EXTENSIONS; packet.extension_count++)
            add(to, packet);
    }
    packet.extension_count = 3;
    packet.extensions[0] = 0;
    packet.extensions[1] = 43;
    add_flaws(to, packet);
}

static const struct packets *all_packets(void)
{
    static const uint8_t exempt[] = {TCP, ICMPV6, ESP};
    static struct packets packets;

    for (int ipv6 = 0; packets.count < MAX_PACKETS && ipv6 < 2; ipv6++) {
        add_tcp(&packets, ipv6);
        add_protocols(&packets, ipv6);
        for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
            add_flaws(&packets, bare(ipv6, exempt[i]));
        add(&packets, bare(ipv6, UDP));
    }
    for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
        add_extended(&packets, exempt[i]);
    add_extended(&packets, UDP);
    return &packets;
}

struct walk {
    verdict_fn fn;
    void *arg;
    uint64_t count;
};

/* Everywhere and both ways. */
static void walk_ways(struct walk *walk, struct verdict_case *row, const struct verdict_packet *packet, size_t count)
{
    for (int place = 0; place < VERDICT_PLACES; place++)
        for (int out = 0; out < 2; out++)
            for (size_t i = 0; i < count; i++) {
                row->place = place;
                row->out = out;
                row->packet = packet[i];
                walk->fn(row, walk->arg);
                walk->count++;
            }
}

static void all_chains(struct verdict_rules *rules, enum verdict_entry entry)
{
    memset(rules->entry, (int)entry, sizeof(rules->entry));
}

/* Nothing; a chain; everything at once, of the owner and of the user. */
static void walk_packets(struct walk *walk, const struct packets *packets)
{
    static const size_t some[] = {0, 1, 3, 5};

    for (size_t c = 0; c < ARRAY_SIZE(some); c++)
        for (int state = 0; state < 4; state++)
            for (int exempt = 0; exempt < 4; exempt++) {
                struct verdict_case row = {.class = &classes[some[c]],
                                           .exempt_esp = exempt & 1,
                                           .exempt_loopback = exempt & 2,
                                           .closed = state == 3};

                row.on[TCTL_STANDBY] = state == 1;
                row.owner.entry[TCTL_STANDBY] = row.user.entry[TCTL_STANDBY] = VERDICT_DENIED;
                if (state == 2) {
                    memset(row.on, true, sizeof(row.on));
                    all_chains(&row.user, VERDICT_DENIED);
                    all_chains(&row.owner, VERDICT_DENIED);
                }
                walk_ways(walk, &row, packets->packet, packets->count);
            }
}

/* One state of the rules, everywhere, of owner, of the user and of both. */
static void walk_state(struct walk *walk, const struct verdict_case *state, const struct verdict_rules *rules)
{
    static const struct verdict_packet some[] = {
        {.protocol = UDP, .payload = 100},
        {.protocol = TCP, .tcp_flags = FIN | ACK, .ipv6 = true},
        {.protocol = TCP, .tcp_flags = ACK, .payload = 1000},
    };
    static const struct verdict_rules none = {.entry = {0}};

    for (size_t c = 0; c < ARRAY_SIZE(classes); c++)
        for (int more = 0; more < 12; more++) {
            int whose = more >> 2;
            struct verdict_case row = *state;

            if (whose && classes[c].owner == classes[c].user)
                continue;
            row.class = &classes[c];
            row.exempt_loopback = more & 1;
            row.closed = more & 2;
            row.owner = whose == 1 ? none : *rules;
            row.user = whose == 0 ? none : *rules;
            walk_ways(walk, &row, some, ARRAY_SIZE(some));
        }
}

static void walk_pair(struct walk *walk, int a, int b, int on, int entries)
{
    struct verdict_case row = {.exempt_esp = false};
    struct verdict_rules rules = {.lockdown = false};

    row.on[b] = on & 2;
    row.on[a] = on & 1;
    rules.entry[b] = entries / VERDICT_ENTRIES;
    rules.entry[a] = entries % VERDICT_ENTRIES;
    walk_state(walk, &row, &rules);
}

/* Each chain alone and each pair, on and off, with every entry. */
static void walk_chains(struct walk *walk)
{
    for (int a = TCTL_DOZABLE; a < TCTL_CHAINS; a++)
        for (int entries = 0; entries < VERDICT_ENTRIES * VERDICT_ENTRIES; entries++) {
            if (entries < VERDICT_ENTRIES)
                for (int on = 0; on < 2; on++)
                    walk_pair(walk, a, 0, on, entries);
            for (int b = TCTL_DOZABLE; b < a; b++)
                for (int on = 1; on < 4; on++)
                    walk_pair(walk, a, b, on, entries);
        }
}

/* All twelve on: all alike, and each the only one of its kind. */
static void walk_twelve(struct walk *walk)
{
    for (int chain = 0; chain < TCTL_CHAINS; chain++)
        for (int state = 0; state < VERDICT_ENTRIES * VERDICT_ENTRIES; state++) {
            struct verdict_case row = {.exempt_esp = false};
            struct verdict_rules rules = {.lockdown = false};

            memset(row.on, true, sizeof(row.on));
            all_chains(&rules, state / VERDICT_ENTRIES);
            rules.entry[chain] = state % VERDICT_ENTRIES;
            walk_state(walk, &row, &rules);
        }
}

static void walk_interfaces(struct walk *walk)
{
    for (int iif = 0; iif < VERDICT_IIFS; iif++)
        for (int lockdown = 0; lockdown < 2; lockdown++)
            for (int chain = 0; chain < TCTL_CHAINS; chain++) {
                struct verdict_case row = {.exempt_esp = false};
                struct verdict_rules rules = {.iif = iif, .lockdown = lockdown};

                row.on[chain] = chain > 0;
                rules.entry[chain] = VERDICT_DENIED;
                walk_state(walk, &row, &rules);
            }
}

uint64_t verdicts_each(verdict_fn fn, void *arg)
{
    static const struct packets *packets;
    struct walk walk = {.fn = fn, .arg = arg};

    packets = packets ?: all_packets();
    walk_packets(&walk, packets);
    walk_chains(&walk);
    walk_twelve(&walk);
    walk_interfaces(&walk);
    return walk.count;
}

static uint64_t any(uint64_t *seed, uint64_t count)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (*seed >> 11) % count;
}

static void any_rules(uint64_t *seed, struct verdict_rules *rules)
{
    for (int chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++)
        rules->entry[chain] = any(seed, VERDICT_ENTRIES);
    rules->iif = any(seed, 2) ? VERDICT_IIF_NONE : any(seed, VERDICT_IIFS);
    rules->lockdown = !any(seed, 4);
}

/* Often one of those that are exempt, or nearly. */
static void any_packet(uint64_t *seed, struct verdict_packet *packet)
{
    static const uint8_t protocols[] = {TCP, TCP, TCP, UDP, ICMPV6, ESP, 1};

    packet->ipv6 = any(seed, 2);
    packet->protocol = any(seed, 8) ? protocols[any(seed, ARRAY_SIZE(protocols))] : any(seed, 256);
    packet->tcp_flags = any(seed, 256);
    packet->icmp_type = any(seed, 4) ? any(seed, 256) : SOLICITATION;
    packet->payload = any(seed, 2) ? 0 : any(seed, VERDICT_PAYLOAD + 1);
    packet->extension_count = packet->ipv6 && !any(seed, 3) ? any(seed, VERDICT_EXTENSIONS + 1) : 0;
    for (int i = 0; i < packet->extension_count; i++)
        packet->extensions[i] = extension_types[any(seed, any(seed, 3) ? 3 : ARRAY_SIZE(extension_types))];
}

void verdict_random(uint64_t *seed, struct verdict_case *ret_row)
{
    uint64_t chance = any(seed, 4);

    memset(ret_row, 0, sizeof(*ret_row));
    ret_row->class = &classes[any(seed, ARRAY_SIZE(classes))];
    for (int chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++)
        ret_row->on[chain] = chance ? !any(seed, 3 * chance) : 0;
    any_rules(seed, &ret_row->owner);
    any_rules(seed, &ret_row->user);
    ret_row->closed = !any(seed, 8);
    ret_row->exempt_esp = any(seed, 2);
    ret_row->exempt_loopback = any(seed, 2);
    ret_row->crafted = !any(seed, 8);
    ret_row->out = any(seed, 2);
    ret_row->place = any(seed, VERDICT_PLACES);
    any_packet(seed, &ret_row->packet);
}
