/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "explain.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>

/* What is no IP has this many bytes at least (an ARP packet), and this many at most. */
#define LEAST_OTHER 28
#define MOST_OTHER 65575

/* What each further segment of a super-packet repeats: IPv4 and TCP without options, IPv6 and TCP with most of them. */
#define LEAST_HEADERS 40
#define MOST_HEADERS 120

uint32_t explain_header(uint16_t type)
{
    return type == ARPHRD_ETHER ? ETH_HLEN : 0;
}

/* Counters wrap at 2^64, and so does a difference, which is right again as a signed number. */
static struct tctl_part less(struct tctl_amount a, struct tctl_amount b)
{
    return (struct tctl_part){.packets = (int64_t)(a.packets - b.packets), .bytes = (int64_t)(a.bytes - b.bytes)};
}

static struct tctl_amount amount_less(struct tctl_amount a, struct tctl_amount b)
{
    return (struct tctl_amount){.packets = a.packets - b.packets, .bytes = a.bytes - b.bytes};
}

static struct tctl_part part_less(struct tctl_part a, struct tctl_part b)
{
    return (struct tctl_part){.packets = a.packets - b.packets, .bytes = a.bytes - b.bytes};
}

static struct tctl_part whole(struct tctl_amount amount)
{
    return less(amount, (struct tctl_amount){0});
}

static struct tctl_part negative(struct tctl_part part)
{
    return part_less((struct tctl_part){0}, part);
}

static bool is_less(struct tctl_amount a, struct tctl_amount b)
{
    return a.packets < b.packets || a.bytes < b.bytes;
}

static struct tctl_amount amount_sum(struct tctl_amount a, struct tctl_amount b)
{
    return (struct tctl_amount){.packets = a.packets + b.packets, .bytes = a.bytes + b.bytes};
}

/* What is above zero goes to one part, what is below to another: packets and bytes may well go to different ones. */
static void split(struct tctl_part rest, struct tctl_part *above, struct tctl_part *below)
{
    *(rest.packets > 0 ? &above->packets : &below->packets) += rest.packets;
    *(rest.bytes > 0 ? &above->bytes : &below->bytes) += rest.bytes;
}

/* Can this be packets that the interface programs do not see? */
static bool may_be_other(struct tctl_part rest)
{
    if (rest.packets <= 0)
        return rest.packets == 0 && rest.bytes == 0;
    return rest.bytes / rest.packets >= LEAST_OTHER && rest.bytes / rest.packets <= MOST_OTHER;
}

/* Are these segments that the link counted one by one, and GRO merged after it, of as many as were merged? */
static bool may_be_segments(struct tctl_part rest, struct tctl_part merged)
{
    if (rest.packets <= 0 || rest.packets > merged.packets || rest.bytes > merged.bytes)
        return false;
    return rest.bytes / rest.packets >= LEAST_HEADERS && rest.bytes / rest.packets <= MOST_HEADERS;
}

/* What the link has for a super-packet. */
enum super {
    SUPER_MANY, /* its segments: it was made later, or is cut before */
    SUPER_SOME, /* now this, now that */
    SUPER_ONE,
};

/* rest: what the link has, less headers and the kernel's packets. */
static bool fits(enum super super, struct tctl_part rest, struct tctl_part merged, struct tctl_verify_side *side)
{
    const struct tctl_part seen = super == SUPER_MANY ? merged : super == SUPER_SOME ? rest : (struct tctl_part){0};
    side->other = part_less(rest, seen);
    side->merged = part_less(seen, merged);
    return super == SUPER_SOME ? may_be_segments(rest, merged) : may_be_other(side->other);
}

static void count_headers(const struct tctl_part *since, uint32_t header, struct tctl_verify_side *side)
{
    side->header = header;
    side->headers = (struct tctl_part){.bytes = since->packets * header};
}

/* As many packets, and more bytes: a tunnel's link may count the headers round each packet. */
static bool is_another_header(struct tctl_part rest)
{
    return rest.packets == 0 && rest.bytes > 0;
}

/*
 * How a link counts, with headers or without (veth in NAPI mode), nobody says: the first of these that leaves a rest
 * that can be is it. Those that leave none come first, then those that leave least.
 */
static const struct attempt {
    bool headers, exact;
    enum super super;
} ATTEMPTS[] = {
    {true, true, SUPER_MANY},   {true, true, SUPER_ONE},    {false, true, SUPER_MANY}, {false, true, SUPER_ONE},
    {true, false, SUPER_MANY},  {false, false, SUPER_MANY}, {true, false, SUPER_SOME}, {true, false, SUPER_ONE},
    {false, false, SUPER_SOME}, {false, false, SUPER_ONE},
};

static bool succeeds(const struct attempt *attempt, const struct explain_facts *facts, struct tctl_part since,
                     struct tctl_part rest, struct tctl_verify_side *side)
{
    count_headers(&since, attempt->headers ? facts->header : 0, side);
    if (!fits(attempt->super, part_less(rest, side->headers), whole(facts->merged), side))
        return false;
    return !attempt->exact || (side->other.packets == 0 && side->other.bytes == 0);
}

/* since: of the link, since its base. rest: the same less the kernel's packets since then. */
static void explain_link(const struct explain_facts *facts, struct tctl_part since, struct tctl_part rest,
                         struct tctl_verify_side *side)
{
    for (size_t i = 0; i < sizeof(ATTEMPTS) / sizeof(*ATTEMPTS); i++) {
        if (succeeds(&ATTEMPTS[i], facts, since, rest, side))
            return;
    }
    side->merged = negative(whole(facts->merged));
    side->other = (struct tctl_part){0};
    count_headers(&since, facts->header, side);
    rest = part_less(rest, side->headers);
    if (is_another_header(rest))
        side->headers.bytes += rest.bytes;
    else if (facts->out || facts->bridge)
        split(rest, &side->other, &side->unlinked);
    else
        split(rest, &side->other, &side->unexplained);
}

static void explain_users(const struct explain_facts *facts, struct tctl_verify_side *side)
{
    struct tctl_part rest = less(side->interface, side->users);
    side->forwarded = whole(facts->forwarded);
    rest = part_less(rest, side->forwarded);
    if (facts->out) {
        side->ownerless = whole(facts->ownerless);
        split(part_less(rest, side->ownerless), facts->part ? &side->outside : &side->unexplained, &side->extra);
    } else {
        split(rest, &side->ownerless, &side->extra);
    }
}

/* Nobody counts between link and users. What the link has as one packet may be several of theirs. */
static void explain_roughly(const struct explain_facts *facts, struct tctl_verify_side *side)
{
    const struct tctl_part since = whole(side->link);
    side->interface = side->users;
    count_headers(&since, facts->header, side);
    split(part_less(less(side->link, side->users), side->headers), &side->other, &side->merged);
}

void explain(const struct explain_facts *facts, struct tctl_verify_side *ret_side)
{
    const bool anew = is_less(facts->link, facts->base_link); /* a driver may begin anew */
    const struct tctl_amount base = anew ? (struct tctl_amount){0} : facts->base_link;
    const struct tctl_amount base_rows = anew ? (struct tctl_amount){0} : facts->base_rows;
    const struct tctl_amount since = amount_less(facts->link, base);
    /* what was in the rows when the base was noted is in the link as well, but for its headers */
    *ret_side = (struct tctl_verify_side){
        .link = amount_sum(since, base_rows),
        .before = is_less(base, base_rows) ? (struct tctl_amount){0} : amount_less(base, base_rows),
        .interface = facts->rows,
        .users = facts->users,
    };
    if (!facts->counted) {
        explain_roughly(facts, ret_side);
        return;
    }
    explain_link(facts, whole(since), less(ret_side->link, amount_less(facts->rows, facts->merged)), ret_side);
    explain_users(facts, ret_side);
}
