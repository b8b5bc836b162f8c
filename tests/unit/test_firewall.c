/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs' rule of verdicts, compiled natively: the whole decision table, and millions of cases beside it. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "firewall.bpf.h"
#include "unit.h"
#include "verdicts.h"

#define RANDOM_CASES 5000000
#define PLAIN_IFACE 2
#define METERED_IFACE 3

static const __u8 on = 1, off = 0, deny = 0, allow = 1, odd = 200;

/* As the maps would hold it, and as rules.bpf.h would find it there. */
static bool lists(uint32_t chain, enum verdict_entry entry)
{
    static const __u8 *const value[VERDICT_ENTRIES] = {NULL, &allow, &deny, &odd};

    if (TCTL_NETD_CHAINS & TCTL_BIT(chain))
        return is_listed(chain, value[entry]);
    return entry != VERDICT_ABSENT && (entry != VERDICT_DENIED) == !!(TCTL_ALLOW_LISTS & TCTL_BIT(chain));
}

static struct restriction restriction_on(const struct verdict_case *row, uint32_t uid, const struct verdict_rules *from)
{
    static const uint32_t ifaces[VERDICT_IIFS] = {0, TCTL_ANY_IFACE, PLAIN_IFACE, METERED_IFACE, TCTL_NO_IFACE};
    const struct tctl_config config = {
        .range_count = 1,
        .per_user_range = row->class->per_user_range,
        .app_uids = {{row->class->first, row->class->last}},
    };
    struct rules rules = {.iface = ifaces[from->iif], .closed = row->closed};

    if (!may_judge(&config, uid))
        return (struct restriction){.iface = TCTL_ANY_IFACE};
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++) {
        rules.switched |= row->on[chain] ? TCTL_BIT(chain) : 0;
        rules.rules |= lists(chain, from->entry[chain]) ? TCTL_BIT(chain) : 0;
    }
    rules.rules |= from->iif != VERDICT_IIF_NONE ? TCTL_BIT(TCTL_IFACE_RULE) : 0;
    rules.rules |= from->lockdown ? TCTL_BIT(TCTL_LOCKDOWN) : 0;
    return restriction_of(&rules);
}

/* What headers.bpf.h has to find in the packet; that it does is for the tests of the programs. */
static struct headers_seen headers_of(const struct verdict_packet *packet)
{
    struct headers_seen seen = {
        .whole = packet->flaw == VERDICT_SOUND && packet->extension_count <= 8,
        .ipv6 = packet->ipv6,
        .payload = packet->payload > 0,
        .protocol = packet->protocol,
        .tcp_flags = packet->tcp_flags,
        .icmp_type = packet->icmp_type,
    };

    for (int i = packet->extension_count; i-- > 0;)
        if (packet->extensions[i] != 0 && packet->extensions[i] != 43 && packet->extensions[i] != 60)
            seen.protocol = packet->extensions[i];
    return seen;
}

static struct way way_of(const struct verdict_case *row)
{
    return (struct way){
        .out = row->out,
        .loopback = row->place == VERDICT_LOOPBACK || row->place == VERDICT_FOREIGN_LOOPBACK,
        .metered = row->place == VERDICT_METERED,
        .crafted = row->crafted,
        .iface = row->place == VERDICT_LOOPBACK  ? 1
                 : row->place == VERDICT_PLAIN   ? PLAIN_IFACE
                 : row->place == VERDICT_METERED ? METERED_IFACE
                                                 : 0,
    };
}

/* Of two rules of interfaces that differ nobody remembers which it was. */
static bool blames(const struct verdict_case *row, const struct verdict_expected *expected, uint32_t of_user)
{
    bool both = row->owner.iif != VERDICT_IIF_NONE && row->user.iif != VERDICT_IIF_NONE;

    return (expected->reason == TCTL_IFACE_RULE && both) ||
           !!(of_user & TCTL_BIT(expected->reason)) == expected->of_user;
}

static void check_row(const struct verdict_case *row, void *arg)
{
    const struct verdict_expected expected = verdict_expect(row);
    const struct headers_seen seen = headers_of(&row->packet);
    const struct way way = way_of(row);
    struct restriction owner = restriction_on(row, row->class->owner, &row->owner), user = owner;
    uint32_t drops;

    if (row->class->user != row->class->owner)
        user = restriction_on(row, row->class->user, &row->user);
    drops = drops_on(owner.drops | user.drops, common_iface(&owner, &user), &way, row->exempt_loopback);
    if (is_exempt(&seen, &way, row->exempt_esp))
        drops = 0;
    if (!drops != expected.pass || (drops && first_reason(drops) != expected.reason))
        fail_msg("reason %u, not %u: %s", drops ? first_reason(drops) : 0, expected.reason, verdict_describe(row));
    if (drops && !blames(row, &expected, user.drops))
        fail_msg("not %s rule: %s", expected.of_user ? "the user's" : "the owner's", verdict_describe(row));
    (*(uint64_t *)arg) += !expected.pass;
}

static void test_whole_decision_table(void **state)
{
    uint64_t dropped = 0, count = verdicts_each(check_row, &dropped);

    (void)state;
    print_message("%" PRIu64 " rows, %" PRIu64 " of them dropped\n", count, dropped);
    assert_true(dropped > count / 4 && dropped < count / 4 * 3);
}

static void test_millions_of_random_cases(void **state)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) << 20 | 1, dropped = 0;
    struct verdict_case row;

    (void)state;
    print_message("SEED=%" PRIu64 "\n", seed);
    for (int i = 0; i < RANDOM_CASES; i++) {
        verdict_random(&seed, &row);
        check_row(&row, &dropped);
    }
    assert_true(dropped > RANDOM_CASES / 10 && dropped < RANDOM_CASES / 10 * 9);
}

static bool drops(bool allow_list, const __u8 *switched, const __u8 *entry)
{
    const uint32_t chain = allow_list ? TCTL_DOZABLE : TCTL_STANDBY;
    const struct rules rules = {
        .switched = switched && *switched == 1 ? TCTL_BIT(chain) : 0,
        .rules = is_listed(chain, entry) ? TCTL_BIT(chain) : 0,
    };

    return restriction_of(&rules).drops;
}

static void test_a_chain_that_is_off_drops_nothing(void **state)
{
    (void)state;
    for (int allow_list = 0; allow_list < 2; allow_list++) {
        assert_false(drops(allow_list, NULL, NULL));
        assert_false(drops(allow_list, NULL, &deny));
        assert_false(drops(allow_list, &off, NULL));
        assert_false(drops(allow_list, &off, &deny));
        assert_false(drops(allow_list, &odd, &deny)); /* the switch is on by 1 alone */
        assert_true(drops(allow_list, &on, &deny));
    }
}

/* Raw writers of the configuration may set what is no chain. */
static void test_bits_that_are_no_chain_drop_nothing(void **state)
{
    const uint32_t no_chains = ~(TCTL_BIT(TCTL_CHAINS) - TCTL_BIT(TCTL_DOZABLE));
    const struct rules rules = {.switched = no_chains, .rules = TCTL_BIT(0)};

    (void)state;
    assert_int_equal(restriction_of(&rules).drops, 0);
}

/* The program stores reasons as 16 bits, twice. */
static void test_reasons_fit_where_they_are_kept(void **state)
{
    (void)state;
    assert_true(TCTL_REASONS <= 16);
    assert_int_equal(first_reason(0), TCTL_REASONS);
}

static void test_ranges_hold_both_ends(void **state)
{
    struct tctl_config config = {.range_count = 2, .app_uids = {{1000, 60000}, {100000, 100000}}};

    (void)state;
    assert_false(may_judge(&config, 0));
    assert_false(may_judge(&config, 999));
    assert_true(may_judge(&config, 1000));
    assert_true(may_judge(&config, 60000));
    assert_false(may_judge(&config, 60001));
    assert_true(may_judge(&config, 100000));
    assert_false(may_judge(&config, 100001));
}

static void test_no_range_judges_nobody(void **state)
{
    struct tctl_config config = {.app_uids = {{0, UINT32_MAX}}};

    (void)state;
    assert_false(may_judge(&config, 10001));
}

static void test_ranges_per_user(void **state)
{
    struct tctl_config config = {.range_count = 1, .per_user_range = 100000, .app_uids = {{10000, UINT32_MAX - 1}}};

    (void)state;
    assert_true(may_judge(&config, 10001));
    assert_false(may_judge(&config, 101000)); /* a system UID of the second user */
    assert_true(may_judge(&config, 110001));
}

/* Two programs read the clock and then wait for each other: the one that comes second may have the earlier time. */
static void test_an_earlier_time_is_not_due(void **state)
{
    const uint64_t told = 5000000000;

    (void)state;
    assert_true(is_due(0, 1));
    assert_false(is_due(told, told - 1));
    assert_false(is_due(told, told));
    assert_false(is_due(told, told + TCTL_EVENT_PAUSE_NS - 1));
    assert_true(is_due(told, told + TCTL_EVENT_PAUSE_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_decision_table),
        cmocka_unit_test(test_millions_of_random_cases),
        cmocka_unit_test(test_a_chain_that_is_off_drops_nothing),
        cmocka_unit_test(test_bits_that_are_no_chain_drop_nothing),
        cmocka_unit_test(test_reasons_fit_where_they_are_kept),
        cmocka_unit_test(test_ranges_hold_both_ends),
        cmocka_unit_test(test_no_range_judges_nobody),
        cmocka_unit_test(test_ranges_per_user),
        cmocka_unit_test(test_an_earlier_time_is_not_due),
    };

    return unit_run(tests);
}
