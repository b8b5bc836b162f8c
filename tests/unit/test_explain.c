/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What lies between a link's statistics and its users' rows: every packet and byte, under the right name. */
#include "unit.h"

#include <string.h>

#include <linux/if_arp.h>

#include "explain.h"

#define ETHERNET 14

static struct explain_facts facts_of(bool out)
{
    return (struct explain_facts){.out = out, .counted = true, .header = ETHERNET};
}

static struct tctl_amount amount(uint64_t packets, uint64_t bytes)
{
    return (struct tctl_amount){.packets = packets, .bytes = bytes};
}

/* What the packets are on a link with headers. */
static struct tctl_amount framed(uint64_t packets, uint64_t bytes)
{
    return amount(packets, bytes + ETHERNET * packets);
}

static void assert_part(struct tctl_part part, int64_t packets, int64_t bytes)
{
    assert_int_equal(part.packets, packets);
    assert_int_equal(part.bytes, bytes);
}
#define NOTHING(part) assert_part(part, 0, 0)

static void add(struct tctl_part *sum, struct tctl_part part)
{
    sum->packets += part.packets;
    sum->bytes += part.bytes;
}

/* Both sums of trafficctl/verify.h together. */
static struct tctl_verify_side explained(const struct explain_facts *facts)
{
    struct tctl_verify_side side;
    struct tctl_part sum = {0};

    explain(facts, &side);
    add(&sum, side.headers);
    add(&sum, side.other);
    add(&sum, side.merged);
    add(&sum, side.unlinked);
    add(&sum, side.forwarded);
    add(&sum, side.ownerless);
    add(&sum, side.outside);
    add(&sum, side.extra);
    add(&sum, side.unexplained);
    assert_int_equal(side.users.packets + (uint64_t)sum.packets, side.link.packets);
    assert_int_equal(side.users.bytes + (uint64_t)sum.bytes, side.link.bytes);
    return side;
}

static void all_of_it_is_the_users(void **state)
{
    (void)state;
    for (int out = 0; out < 2; out++) {
        struct explain_facts facts = facts_of(out);

        facts.users = facts.rows = amount(10, 5000);
        facts.link = framed(10, 5000);
        struct tctl_verify_side side = explained(&facts);
        assert_part(side.headers, 0, 140);
        assert_int_equal(side.header, ETHERNET);
        NOTHING(side.other);
        NOTHING(side.ownerless);
        NOTHING(side.unexplained);
    }
}

static void links_may_leave_their_header_out(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.users = facts.rows = amount(10, 5000);
    facts.link = amount(10, 5000);
    struct tctl_verify_side side = explained(&facts);
    NOTHING(side.headers);
    assert_int_equal(side.header, 0);
    NOTHING(side.unexplained);
    facts.link = amount(12, 5056); /* and two ARP packets */
    side = explained(&facts);
    NOTHING(side.headers);
    assert_part(side.other, 2, 56);
}

static void tunnels_may_count_what_is_round_the_packets(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.header = explain_header(ARPHRD_NONE);
    facts.users = facts.rows = amount(10, 5000);
    facts.link = amount(10, 5320);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.headers, 0, 320);
    NOTHING(side.unexplained);
}

static void what_is_no_ip_is_other(void **state)
{
    struct explain_facts facts = facts_of(true);

    (void)state;
    facts.users = facts.rows = amount(10, 5000);
    facts.link = framed(12, 5056);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.other, 2, 56);
    assert_part(side.headers, 0, 12 * ETHERNET);
    NOTHING(side.unexplained);
}

/* 3 super-packets, 30 on the wire: a link before the cutting sees 3, behind it 30, and GRO may come between. */
static void super_packets_are_one_for_some_links(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.users = facts.rows = amount(30, 40000);
    facts.merged = amount(27, 27 * 52);
    facts.link = framed(3 + 2, 40000 - 27 * 52 + 56); /* with two ARP packets */
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.merged, -27, -27 * 52);
    assert_part(side.other, 2, 56);
    facts.link = framed(30 + 2, 40000 + 56);
    side = explained(&facts);
    NOTHING(side.merged);
    assert_part(side.other, 2, 56);
    facts.link = framed(3 + 9, 40000 - 18 * 52);
    side = explained(&facts);
    assert_part(side.merged, -18, -18 * 52);
    NOTHING(side.other);
    NOTHING(side.unexplained);
}

/* As a veth that counts before GRO, and without headers: no rest can be smaller than none. */
static void the_least_rest_is_the_right_one(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.users = facts.rows = amount(287, 317000);
    facts.merged = amount(198, 198 * 52);
    facts.link = amount(287, 317000);
    struct tctl_verify_side side = explained(&facts);
    NOTHING(side.headers);
    NOTHING(side.merged);
    NOTHING(side.other);
    facts.users = facts.rows = facts.merged = amount(0, 0);
    facts.link = amount(3, 3 * 28);
    side = explained(&facts);
    NOTHING(side.headers);
    assert_part(side.other, 3, 3 * 28);
}

static void users_have_what_is_not_forwarded(void **state)
{
    struct explain_facts facts = facts_of(true);

    (void)state;
    facts.rows = amount(100, 50000);
    facts.link = framed(100, 50000);
    facts.users = amount(60, 30000);
    facts.forwarded = amount(37, 19000);
    facts.ownerless = amount(3, 1000);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.forwarded, 37, 19000);
    assert_part(side.ownerless, 3, 1000);
    NOTHING(side.extra);
    NOTHING(side.unexplained);
    facts.out = false;
    facts.ownerless = amount(0, 0); /* not known on the way in: it is what remains */
    side = explained(&facts);
    assert_part(side.ownerless, 3, 1000);
    NOTHING(side.unexplained);
}

static void what_a_socket_sent_and_no_user_has_is_not_explained(void **state)
{
    struct explain_facts facts = facts_of(true);

    (void)state;
    facts.rows = amount(100, 50000);
    facts.link = framed(100, 50000);
    facts.users = amount(99, 49000);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.unexplained, 1, 1000);
    assert_true(tctl_verify_doubts(&side));
    facts.part = true; /* where not all sockets are counted, it is */
    side = explained(&facts);
    assert_part(side.outside, 1, 1000);
    NOTHING(side.unexplained);
    facts.part = false;
    side = explained(&facts);
    side.moved = amount(1, 1000);
    assert_false(tctl_verify_doubts(&side));
    side.moved = amount(1, 999);
    assert_true(tctl_verify_doubts(&side));
}

static void what_came_by_no_link_is_not_explained(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.users = facts.rows = amount(100, 50000);
    facts.link = framed(98, 48000);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.unexplained, -2, -2000);
    NOTHING(side.unlinked);
    assert_true(tctl_verify_doubts(&side));
    facts.bridge = true;
    side = explained(&facts);
    assert_part(side.unlinked, -2, -2000);
    NOTHING(side.unexplained);
    facts.bridge = false;
    facts.out = true; /* dropped by the queue */
    side = explained(&facts);
    assert_part(side.unlinked, -2, -2000);
    NOTHING(side.unexplained);
}

static void users_may_have_more(void **state)
{
    (void)state;
    for (int out = 0; out < 2; out++) {
        struct explain_facts facts = facts_of(out);

        facts.rows = amount(10, 5000);
        facts.link = framed(10, 5000);
        facts.users = amount(13, 5900);
        struct tctl_verify_side side = explained(&facts);
        assert_part(side.extra, -3, -900);
        NOTHING(side.ownerless);
        NOTHING(side.unexplained);
    }
}

static void what_was_before_the_start_is_left_out(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.base_link = framed(1000, 900000);
    facts.link = framed(1010, 905000);
    facts.users = facts.rows = amount(10, 5000);
    struct tctl_verify_side side = explained(&facts);
    assert_int_equal(side.before.packets, 1000);
    assert_int_equal(side.before.bytes, 914000);
    assert_int_equal(side.link.packets, 10);
    NOTHING(side.other);
    /* two were counted by then: they are in the link's since then */
    facts.users = facts.rows = amount(12, 5200);
    facts.base_rows = amount(2, 200);
    side = explained(&facts);
    assert_int_equal(side.before.packets, 998);
    assert_int_equal(side.link.packets, 12);
    assert_part(side.headers, 0, 10 * ETHERNET);
    NOTHING(side.other);
    NOTHING(side.unexplained);
    /* a driver that began anew */
    facts.base_rows = amount(0, 0);
    facts.base_link = framed(5000, 3000000);
    facts.link = framed(12, 5200);
    side = explained(&facts);
    assert_int_equal(side.before.packets, 0);
    NOTHING(side.unexplained);
}

static void users_stand_beside_the_link_alone(void **state)
{
    struct explain_facts facts = facts_of(false);

    (void)state;
    facts.counted = false;
    facts.users = amount(10, 5000);
    facts.link = framed(12, 5056);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.other, 2, 56);
    NOTHING(side.unexplained);
    facts.link = framed(2, 4600); /* super-packets */
    side = explained(&facts);
    assert_part(side.merged, -8, -400);
    NOTHING(side.unexplained);
}

static void counters_may_be_near_their_end(void **state)
{
    struct explain_facts facts = facts_of(true);

    (void)state;
    facts.rows = facts.users = amount(UINT64_MAX - 5, UINT64_MAX - 1000);
    facts.header = 0;
    facts.link = amount(UINT64_MAX - 3, UINT64_MAX - 900);
    struct tctl_verify_side side = explained(&facts);
    assert_part(side.other, 2, 100);
    NOTHING(side.unexplained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_the_users),
        cmocka_unit_test(links_may_leave_their_header_out),
        cmocka_unit_test(tunnels_may_count_what_is_round_the_packets),
        cmocka_unit_test(what_is_no_ip_is_other),
        cmocka_unit_test(super_packets_are_one_for_some_links),
        cmocka_unit_test(the_least_rest_is_the_right_one),
        cmocka_unit_test(users_have_what_is_not_forwarded),
        cmocka_unit_test(what_a_socket_sent_and_no_user_has_is_not_explained),
        cmocka_unit_test(what_came_by_no_link_is_not_explained),
        cmocka_unit_test(users_may_have_more),
        cmocka_unit_test(what_was_before_the_start_is_left_out),
        cmocka_unit_test(users_stand_beside_the_link_alone),
        cmocka_unit_test(counters_may_be_near_their_end),
    };

    return unit_run(tests);
}
