/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The reference: the sentences one by one. Slow and plain on purpose; shares nothing with the programs. */
#include "verdicts.h"

#include <stdio.h>

static bool may_be_judged(const struct verdict_class *class, uint32_t uid)
{
    uint32_t id = uid;

    if (class->per_user_range != 0)
        while (id >= class->per_user_range)
            id = id - class->per_user_range;
    if (id < class->first)
        return false;
    if (id > class->last)
        return false;
    return true;
}

/* An allow list drops whoever is not allowed. */
static bool allow_list(const struct verdict_case *row, const struct verdict_rules *rules, enum tctl_reason chain)
{
    if (!row->on[chain])
        return false;
    if (rules->entry[chain] == VERDICT_ALLOWED)
        return false;
    if (rules->entry[chain] == VERDICT_ODD)
        return false;
    return true;
}

/* A deny list drops whoever is denied. */
static bool deny_list(const struct verdict_case *row, const struct verdict_rules *rules, enum tctl_reason chain)
{
    if (!row->on[chain])
        return false;
    return rules->entry[chain] == VERDICT_DENIED;
}

static bool on_loopback(const struct verdict_case *row)
{
    return row->place == VERDICT_LOOPBACK || row->place == VERDICT_FOREIGN_LOOPBACK;
}

static uint32_t chain_of_any_place(const struct verdict_case *row, const struct verdict_rules *rules)
{
    if (allow_list(row, rules, TCTL_DOZABLE))
        return TCTL_DOZABLE;
    if (deny_list(row, rules, TCTL_STANDBY))
        return TCTL_STANDBY;
    if (allow_list(row, rules, TCTL_POWERSAVE))
        return TCTL_POWERSAVE;
    if (allow_list(row, rules, TCTL_RESTRICTED))
        return TCTL_RESTRICTED;
    if (allow_list(row, rules, TCTL_LOW_POWER_STANDBY))
        return TCTL_LOW_POWER_STANDBY;
    if (allow_list(row, rules, TCTL_BACKGROUND) && !on_loopback(row))
        return TCTL_BACKGROUND;
    if (deny_list(row, rules, TCTL_OEM_DENY_1))
        return TCTL_OEM_DENY_1;
    if (deny_list(row, rules, TCTL_OEM_DENY_2))
        return TCTL_OEM_DENY_2;
    if (deny_list(row, rules, TCTL_OEM_DENY_3))
        return TCTL_OEM_DENY_3;
    return 0;
}

static uint32_t chain_of_metered(const struct verdict_case *row, const struct verdict_rules *rules)
{
    if (row->place != VERDICT_METERED)
        return 0;
    if (allow_list(row, rules, TCTL_METERED_ALLOW))
        return TCTL_METERED_ALLOW;
    if (deny_list(row, rules, TCTL_METERED_DENY_USER))
        return TCTL_METERED_DENY_USER;
    if (deny_list(row, rules, TCTL_METERED_DENY_ADMIN))
        return TCTL_METERED_DENY_ADMIN;
    return 0;
}

/* What comes in comes from the UID's interface; under lockdown, without one, from nowhere. */
static uint32_t rule_of_interface(const struct verdict_case *row, const struct verdict_rules *rules)
{
    if (row->out || on_loopback(row))
        return 0;
    if (rules->iif == VERDICT_IIF_ANY)
        return 0;
    if (rules->iif == VERDICT_IIF_PLAIN)
        return row->place == VERDICT_PLAIN ? 0 : TCTL_IFACE_RULE;
    if (rules->iif == VERDICT_IIF_METERED)
        return row->place == VERDICT_METERED ? 0 : TCTL_IFACE_RULE;
    if (rules->iif == VERDICT_IIF_GONE)
        return TCTL_IFACE_RULE;
    return rules->lockdown ? TCTL_LOCKDOWN : 0;
}

/* The first rule that drops what is not exempt; 0: none does. */
static uint32_t reason_for(const struct verdict_case *row, uint32_t uid, const struct verdict_rules *rules)
{
    uint32_t reason;

    if (!may_be_judged(row->class, uid))
        return 0;
    if (on_loopback(row) && row->exempt_loopback)
        return 0;
    reason = chain_of_any_place(row, rules);
    if (reason == 0)
        reason = chain_of_metered(row, rules);
    if (reason == 0)
        reason = rule_of_interface(row, rules);
    if (reason == 0 && row->closed)
        reason = TCTL_CLOSED;
    return reason;
}

/* Can the headers be followed to the transport's, and is that all there? */
static bool can_be_parsed(const struct verdict_packet *packet)
{
    if (packet->flaw != VERDICT_SOUND)
        return false;
    if (packet->extension_count > 8)
        return false;
    for (int i = 0; i < packet->extension_count; i++) {
        bool hop_by_hop = packet->extensions[i] == 0;
        bool routing = packet->extensions[i] == 43;
        bool destination = packet->extensions[i] == 60;

        if (!hop_by_hop && !routing && !destination)
            return false;
    }
    return true;
}

static bool is_exempt_tcp(const struct verdict_case *row)
{
    bool fin = row->packet.tcp_flags & 0x01, rst = row->packet.tcp_flags & 0x04;

    if (row->packet.payload > 0)
        return false;
    if (rst)
        return true;
    return fin && !row->out;
}

static bool is_exempt_icmpv6(const struct verdict_packet *packet)
{
    if (!packet->ipv6)
        return false;
    switch (packet->icmp_type) {
    case 2:   /* packet too big */
    case 130: /* MLD: query, report, done, report of version 2 */
    case 131:
    case 132:
    case 143:
    case 133: /* router solicitation, advertisement */
    case 134:
    case 135: /* neighbour solicitation, advertisement */
    case 136:
    case 137: /* redirect */
        return true;
    default:
        return false;
    }
}

static bool is_exempt_packet(const struct verdict_case *row)
{
    if (!can_be_parsed(&row->packet))
        return false;
    if (row->packet.protocol == 50)
        return row->exempt_esp;
    if (row->crafted)
        return false;
    if (row->packet.protocol == 6)
        return is_exempt_tcp(row);
    if (row->packet.protocol == 58)
        return is_exempt_icmpv6(&row->packet);
    return false;
}

struct verdict_expected verdict_expect(const struct verdict_case *row)
{
    uint32_t owner = reason_for(row, row->class->owner, &row->owner), user = owner;

    if (row->class->user != row->class->owner)
        user = reason_for(row, row->class->user, &row->user);
    if (is_exempt_packet(row) || (owner == 0 && user == 0))
        return (struct verdict_expected){.pass = true};
    if (owner == 0)
        return (struct verdict_expected){.reason = user, .of_user = true};
    if (user == 0)
        return (struct verdict_expected){.reason = owner};
    return (struct verdict_expected){.reason = owner < user ? owner : user, .of_user = user <= owner};
}

static int describe_rules(const char *whose, const struct verdict_rules *rules, char *text, size_t size)
{
    int n = snprintf(text, size, "%s: entries ", whose);

    for (int chain = 1; chain < TCTL_CHAINS; chain++)
        n += snprintf(text + n, size - (size_t)n, "%c", ".ADo"[rules->entry[chain]]);
    return n + snprintf(text + n, size - (size_t)n, ", iif %d, lockdown %d; ", rules->iif, rules->lockdown);
}

static int describe_packet(const struct verdict_packet *packet, char *text, size_t size)
{
    int n =
        snprintf(text, size, "IPv%d, protocol %u, flags %02x, type %u, options %u and %u, payload %u, flaw %d, cut %u",
                 packet->ipv6 ? 6 : 4, packet->protocol, packet->tcp_flags, packet->icmp_type, packet->ip_options,
                 packet->tcp_options, packet->payload, packet->flaw, packet->cut);

    for (int i = 0; i < packet->extension_count; i++)
        n += snprintf(text + n, size - (size_t)n, ", extension %u", packet->extensions[i]);
    return n;
}

const char *verdict_describe(const struct verdict_case *row)
{
    static char text[1024];
    int n = snprintf(text, sizeof(text), "%s; on ", row->class->name);

    for (int chain = 1; chain < TCTL_CHAINS; chain++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%d", row->on[chain]);
    n += snprintf(text + n, sizeof(text) - (size_t)n, "; closed %d, esp %d, loopback %d, %s%s, place %d; ", row->closed,
                  row->exempt_esp, row->exempt_loopback, row->out ? "out" : "in", row->crafted ? ", raw" : "",
                  row->place);
    n += describe_rules("owner", &row->owner, text + n, sizeof(text) - (size_t)n);
    n += describe_rules("user", &row->user, text + n, sizeof(text) - (size_t)n);
    describe_packet(&row->packet, text + n, sizeof(text) - (size_t)n);
    return text;
}
