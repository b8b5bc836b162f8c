/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of the nft backend, in the running kernel; nft is the judge. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ruleset.h"
#include "stage.h"
#include "users_table.h"

#define MANY 4000
#define CROWD 10000

/* A little of everything; for nft_held_done(). */
static struct nft_held some_firewall(void)
{
    const uint32_t uids[] = {10001, 10002, 19999}, alone[] = {10003};
    struct nft_held held = {0};
    held.policy.switched = TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_METERED_DENY_USER);
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++)
        assert_int_equal(policy_uids_replace(&held.policy.listed[chain], uids, chain % 4), 0);
    assert_int_equal(policy_uids_replace(&held.policy.lockdown, alone, 1), 0);
    assert_int_equal(policy_set_iface(&held.policy, 10001, "va"), 0);
    assert_int_equal(policy_set_iface(&held.policy, 10002, ""), 0);
    assert_int_equal(policy_set_metered(&held.policy, "a-name-of-15-xx", true), 0);
    assert_int_equal(policy_set_metered(&held.policy, "vc", true), 0);
    return held;
}

static void assert_same_uids(const struct policy_uids *a, const struct policy_uids *b)
{
    assert_int_equal(a->count, b->count);
    if (a->count)
        assert_memory_equal(a->uids, b->uids, a->count * sizeof(*a->uids));
}

static void assert_same(const struct nft_held *a, const struct nft_held *b)
{
    assert_int_equal(a->closed, b->closed);
    assert_int_equal(a->policy.switched, b->policy.switched);
    for (uint32_t chain = 0; chain < TCTL_CHAINS; chain++)
        assert_same_uids(&a->policy.listed[chain], &b->policy.listed[chain]);
    assert_same_uids(&a->policy.lockdown, &b->policy.lockdown);
    assert_int_equal(a->policy.iface_count, b->policy.iface_count);
    for (size_t i = 0; i < a->policy.iface_count; i++) {
        assert_int_equal(a->policy.ifaces[i].uid, b->policy.ifaces[i].uid);
        assert_string_equal(a->policy.ifaces[i].iface, b->policy.ifaces[i].iface);
    }
    assert_int_equal(a->policy.metered_count, b->policy.metered_count);
    for (size_t i = 0; i < a->policy.metered_count; i++)
        assert_string_equal(a->policy.metered[i], b->policy.metered[i]);
}

static void assert_holds(const struct users *users, const struct nft_held *wanted)
{
    struct nft_held held = users_held(users);
    assert_same(&held, wanted);
    nft_held_done(&held);
}

static uint32_t generation(const struct users *users)
{
    uint32_t number = 0;
    assert_int_equal(nft_talk_generation(users->talk, &number), 0);
    return number;
}

/* "nft list ruleset", all of it, without the layout. */
static void assert_listed(const char *const *lines, size_t count)
{
    _cleanup_free_ char *text = ruleset_says("nft list ruleset | tr -s '\\t\\n ' ' '");
    for (size_t i = 0; i < count; i++)
        if (!strstr(text, lines[i]))
            fail_msg("\"%s\" is not in what nft lists: %s", lines[i], text);
}

static void nft_lists_it_and_names_users_right(void **state)
{
    static const char *const lines[] = {
        "comment \"trafficctl counts and judges users here, layout 1\" elements = { 10000-59999 }",
        "set standby { type uid elements = { 10001, 10002 } }",
        "set oem_deny_2 { type uid }",
        "set powersave { type uid elements = { 10001, 10002, 19999 } }",
        "set iif_ok { type uid . ifname elements = { 10001 . \"va\" } }",
        "set metered { type ifname elements = { \"vc\", \"a-name-of-15-xx\" } }",
        "set switched { type mark elements = { 0x00000002, 0x0000000b } }",
        "elements = { 10050 . \"lo\" counter packets 1 bytes 29 }",
        "elements = { 10001 . 0x00000002 counter packets 1 bytes 29 }",
        "chain rules_out { meta skuid @standby goto drop_out_standby oifname @metered meta skuid @metered_deny_user "
        "goto drop_out_metered_deny_user }",
        "tcp flags syn / syn,ack meta skuid @app_uids jump rules_connect",
        "counter name \"lost_drops\" reject with tcp reset",
        "chain output { type filter hook output priority 310; policy accept;",
        "chain postrouting { type filter hook postrouting priority 2147483646; policy accept;",
        "chain prerouting { type filter hook prerouting priority -450; policy accept;",
        "chain input { type filter hook input priority 2147483646; policy accept;",
    };
    const struct users *users = *state;
    struct nft_held held = some_firewall();
    users_put(users, &held);
    assert_int_equal(users_send(10050), 0);
    assert_int_equal(users_send(10001), EPERM);
    assert_listed(lines, ARRAY_SIZE(lines));
    free(ruleset_says("nft -j list ruleset"));
    assert_holds(users, &held);
    nft_held_done(&held);
}

static void twice_changes_nothing(void **state)
{
    const struct users *users = *state;
    struct nft_held held = some_firewall();
    users_put(users, &held);
    uint32_t number = generation(users);
    users_put(users, NULL);
    users_hold(users, &held);
    assert_int_equal(generation(users), number);
    nft_held_done(&held);
}

static void without_a_policy_everybody_passes(void **state)
{
    const struct users *users = *state;
    users_put(users, NULL);
    assert_true(users_whole(users));
    assert_int_equal(users_send(USERS_FIRST), 0);
    assert_int_equal(users_send(0), 0);
    assert_int_equal(users_counted("lost_out"), 0);
}

static void removed_it_leaves_what_was_there(void **state)
{
    const struct users *users = *state;
    struct nft_held held = some_firewall();
    ruleset_fill_with_foreign();
    _cleanup_free_ char *before = ruleset_everything(true);
    users_put(users, &held);
    users_hold(users, &(struct nft_held){.closed = true});
    users_remove(users);
    _cleanup_free_ char *after = ruleset_everything(true);
    assert_string_equal(after, before);
    users_remove(users);
    nft_held_done(&held);
}

static void put_many(struct nft_held *held, uint32_t first)
{
    uint32_t uids[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        uids[i] = first + i;
    assert_int_equal(policy_uids_replace(&held->policy.listed[TCTL_DOZABLE], uids, MANY), 0);
}

/* The two lists share half of their users, who are never denied. */
static void thousands_are_replaced_in_one_step(void **state)
{
    const struct users *users = *state;
    struct nft_held held = {.policy.switched = TCTL_BIT(TCTL_DOZABLE)};
    put_many(&held, 10000);
    users_put(users, &held);
    assert_int_equal(users_send(10000), 0);
    uint32_t number = generation(users);
    put_many(&held, 10000 + MANY / 2);
    users_hold(users, &held);
    assert_int_equal(generation(users), number + 1);
    assert_holds(users, &held);
    assert_int_equal(users_send(10000), EPERM);
    assert_int_equal(users_send(10000 + MANY), 0);
    nft_held_done(&held);
}

static void ten_thousand_users_are_counted(void **state)
{
    const struct users *users = *state;
    users_put(users, NULL);
    users_send_many(100000, CROWD);
    _cleanup_free_ char *rows =
        ruleset_says("nft list set inet " NFT_USERS " sent | grep -c '. \"lo\" counter packets 1 bytes 29'");
    assert_int_equal(atoi(rows), CROWD);
    assert_int_equal(users_counted("lost_out"), 0);
}

static void what_finds_no_room_is_lost_and_judged(void **state)
{
    struct users *users = *state;
    struct nft_held held = some_firewall();
    users->asked.sizes = (struct nft_sizes){.users = 100, .ifaces = 1, .drops = 1};
    users_put(users, &held);
    users_send_many(20000, 300);
    assert_int_equal(users_counted("lost_out"), 200);
    assert_int_equal(users_send(10001), EPERM);
    assert_int_equal(users_send(10002), EPERM);
    assert_int_equal(users_counted("lost_drops"), 1);
    assert_true(users_whole(users));
    nft_held_done(&held);
}

/* What it does, and whether traffic's rows are gone with it. */
struct damage {
    const char *command;
    bool counters_gone;
};
#define INET "inet " NFT_USERS " "
#define HANDLE "$(nft -a list chain " INET "postrouting | sed -n 's/.*jump judge_out # handle //p')"
#define LAST_HANDLE "$(nft -a list chain " INET "count_out | sed -n 's/.*\"unowned_out\" # handle //p')"
#define FIRST_HANDLE "$(nft -a list chain " INET "count_out | sed -n 's/.*update .* # handle //p')"

static const struct damage damages[] = {
    {"nft delete rule " INET "postrouting handle " HANDLE, false},
    {"nft replace rule " INET "postrouting handle " HANDLE " meta skuid != @app_uids jump judge_out", false},
    {"nft insert rule " INET "rules_out meta skuid 10001 accept", false},
    {"nft add rule " INET "count_out accept", false},
    {"nft flush chain " INET "input", false},
    {"nft flush table " INET, false},
    {"nft delete chain " INET "refuse_oem_deny_1", false},
    {"nft delete chain " INET "refuse_oem_deny_1; nft add chain " INET
     "refuse_oem_deny_1 '{ type filter hook input priority 0; }'",
     false},
    {"nft add chain " INET "input '{ policy drop; }'", false},
    {"nft flush chain " INET "output; nft delete chain " INET "output; nft add chain " INET
     "output '{ type filter hook output priority 0; }'",
     false},
    {"nft flush chain " INET "prerouting; nft delete chain " INET "prerouting; nft add chain " INET
     "prerouting '{ type filter hook prerouting priority 0; }'; nft add rule " INET "prerouting jump count_iface_in",
     false},
    {"nft replace rule " INET "count_out handle " LAST_HANDLE " counter name unowned_in", false},
    {"nft replace rule " INET "count_out handle " FIRST_HANDLE
     " update @sent '{ meta skuid . oifname counter packets 5 bytes 5 }' return",
     false},
    {"nft delete set " INET "dozable", false},
    {"nft delete set " INET "dozable; nft add set " INET "dozable '{ type ipv4_addr; }'", false},
    {"nft delete element " INET "app_uids '{ 10000-59999 }'", false},
    {"nft add element " INET "app_uids '{ 5-7 }'", false},
    {"nft add element " INET "switched '{ 1 }'", false},
    {"nft flush chain " INET "count_out; nft delete counter " INET "unowned_out", false},
    {"nft add table inet " NFT_USERS " '{ flags dormant; }'", false},
    {"nft delete table inet " NFT_USERS, true},
    {"nft flush ruleset", true},
};

static bool has_row_of(uint32_t uid)
{
    char line[64];
    snprintf(line, sizeof(line), "%u . \"lo\" counter packets 1 bytes 29", uid);
    _cleanup_free_ char *text = ruleset_says("nft list set " INET "sent");
    return strstr(text, line);
}

static void assert_mended(const struct users *users, const struct damage *damage)
{
    struct nft_held held = some_firewall();
    users_put(users, &held);
    assert_int_equal(users_send(10050), 0);
    ruleset_run(damage->command);
    if (users_whole(users))
        fail_msg("not seen: %s", damage->command);
    users_put(users, &held);
    if (!users_whole(users))
        fail_msg("not mended: %s", damage->command);
    if (has_row_of(10050) == damage->counters_gone)
        fail_msg("what was counted: %s", damage->command);
    assert_int_equal(users_send(10002), EPERM);
    users_remove(users);
    nft_held_done(&held);
}

static void damage_is_seen_and_mended(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
        assert_mended(*state, &damages[i]);
}

/* The table is whole without them; the firewall in it is another one. */
static const char *const changes[] = {
    "nft delete element " INET "standby '{ 10002 }'",
    "nft add element " INET "lockdown '{ 10055 }'",
    "nft flush set " INET "powersave",
    "nft delete element " INET "metered '{ \"vc\" }'",
    "nft delete element " INET "iif_ok '{ 10001 . \"va\" }'",
    "nft add element " INET "iif_any '{ 10001 }'",
    "nft delete element " INET "iif_ruled '{ 10001 }'",
};

static void elements_of_others_are_seen_and_put_back(void **state)
{
    const struct users *users = *state;
    struct nft_held held = some_firewall();
    users_put(users, &held);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct nft_stage stage;
        ruleset_run(changes[i]);
        assert_true(users_whole(users));
        assert_int_equal(nft_stage_prepare(users->talk, &held, &stage), 0);
        if (nft_stage_is_empty(&stage))
            fail_msg("not seen: %s", changes[i]);
        nft_stage_done(&stage);
        users_hold(users, &held);
        assert_holds(users, &held);
    }
    nft_held_done(&held);
}

static void an_interface_that_is_not_said_is_none(void **state)
{
    const struct users *users = *state;
    struct nft_held held = some_firewall();
    users_put(users, &held);
    ruleset_run("nft delete element " INET "iif_ok '{ 10001 . \"va\" }'");
    struct nft_held there = users_held(users);
    assert_string_equal(policy_find_iface(&there.policy, 10001)->iface, NFT_NO_IFACE);
    nft_held_done(&there);
    nft_held_done(&held);
}

static void change_for_another_ruleset_is_not_done(void **state)
{
    const struct users *users = *state;
    struct nft_held held = some_firewall();
    struct nft_stage stage;
    users_put(users, NULL);
    assert_int_equal(nft_stage_prepare(users->talk, &held, &stage), 0);
    ruleset_run("nft add table inet somebody");
    assert_int_equal(nft_stage_commit(users->talk, &users->config, &stage), -EAGAIN);
    assert_holds(users, &(struct nft_held){0});
    nft_stage_done(&stage);
    nft_held_done(&held);
}

static void other_options_are_taken_over(void **state)
{
    struct users *users = *state;
    struct nft_held held = {.closed = true};
    users_put(users, &held);
    assert_int_equal(users_send(9999), 0);
    assert_int_equal(users_send(10000), EPERM);
    users->config.exempt_loopback = 1;
    assert_false(users_whole(users));
    users_put(users, &held);
    assert_int_equal(users_send(10000), 0);
    users->config = (struct tctl_config){.range_count = 2, .app_uids = {{10000, 10000}, {10002, 10002}}};
    users_put(users, &held);
    assert_int_equal(users_send(10000), EPERM);
    assert_int_equal(users_send(10001), 0);
    assert_int_equal(users_send(10002), EPERM);
    assert_true(has_row_of(9999));
}

/* Android's: so many UIDs for each user, all over. */
static void ranges_of_every_user_are_loaded(void **state)
{
    struct users *users = *state;
    struct nft_held held = {.closed = true};
    users->config.per_user_range = 100000;
    users_put(users, &held);
    assert_true(users_whole(users));
    assert_int_equal(users_send(9999), 0);
    assert_int_equal(users_send(110000), EPERM);
    assert_int_equal(users_send(160000), 0);
    assert_int_equal(users_send(4200059999u), EPERM);
    users->config.per_user_range = 40000;
    struct fault fault = {};
    assert_int_equal(nft_table_put(users->talk, &users->asked, &held, &fault), -E2BIG);
    assert_non_null(strstr(fault.text, "per_user_range"));
}

static void foreign_table_of_our_name_is_refused(void **state)
{
    const struct users *users = *state;
    struct fault fault = {};
    ruleset_run("nft add table inet " NFT_USERS "; nft add set " INET "app_uids '{ type uid; }'");
    _cleanup_free_ char *before = ruleset_everything(true);
    assert_int_equal(nft_table_put(users->talk, &users->asked, &(struct nft_held){0}, &fault), -EEXIST);
    assert_non_null(strstr(fault.text, "not ours"));
    users_remove(users);
    _cleanup_free_ char *after = ruleset_everything(true);
    assert_string_equal(after, before);
}

static void trying_changes_nothing(void **state)
{
    const struct users *users = *state;
    struct fault fault = {};
    _cleanup_free_ char *before = ruleset_everything(true);
    uint32_t number = generation(users);
    assert_int_equal(nft_table_try(users->talk, &users->asked, &fault), 0);
    assert_int_equal(generation(users), number);
    _cleanup_free_ char *after = ruleset_everything(true);
    assert_string_equal(after, before);
}

/* Another one's change of what there is not. */
static void trying_tells_what_is_refused(void **state)
{
    const struct users *users = *state;
    struct nft_batch batch;
    uint32_t refused = 0;
    assert_int_equal(nft_batch_begin(&batch, users->talk, 0), 0);
    assert_int_equal(nft_sets_clear(&batch, NFT_SET_LOCKDOWN), 0);
    assert_int_equal(nft_sets_clear(&batch, NFT_SET_METERED), 0);
    assert_int_equal(nft_batch_try(&batch, &refused), -ENOENT);
    assert_int_equal(refused, 1);
    nft_batch_done(&batch);
}

struct heard {
    bool gone, generation;
};

static int hear(const struct nlmsghdr *message, void *into)
{
    struct heard *heard = into;
    heard->gone |= message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE);
    heard->generation |= message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN);
    return MNL_CB_OK;
}

static void a_flush_by_others_is_told(void **state)
{
    const struct users *users = *state;
    _cleanup_talk_ struct nft_talk *listening = NULL;
    struct fault fault = {};
    struct heard heard = {0};
    users_put(users, NULL);
    assert_int_equal(nft_talk_listen(&listening, &fault), 0);
    assert_int_equal(nft_talk_hear(listening, hear, &heard), 0);
    assert_false(heard.generation);
    ruleset_run("nft flush ruleset");
    assert_int_equal(nft_talk_hear(listening, hear, &heard), 0);
    assert_true(heard.gone && heard.generation);
}

static void without_capability_it_is_refused(void **state)
{
    const struct users *users = *state;
    int status = -1;
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0)
        _exit(setuid(65534) == 0 && nft_table_remove(users->talk, NULL) == -EPERM ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, users_set_up, users_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nft_lists_it_and_names_users_right),
        TEST(twice_changes_nothing),
        TEST(without_a_policy_everybody_passes),
        TEST(removed_it_leaves_what_was_there),
        TEST(thousands_are_replaced_in_one_step),
        TEST(ten_thousand_users_are_counted),
        TEST(what_finds_no_room_is_lost_and_judged),
        TEST(damage_is_seen_and_mended),
        TEST(elements_of_others_are_seen_and_put_back),
        TEST(an_interface_that_is_not_said_is_none),
        TEST(change_for_another_ruleset_is_not_done),
        TEST(other_options_are_taken_over),
        TEST(ranges_of_every_user_are_loaded),
        TEST(foreign_table_of_our_name_is_refused),
        TEST(trying_changes_nothing),
        TEST(trying_tells_what_is_refused),
        TEST(a_flush_by_others_is_told),
        TEST(without_capability_it_is_refused),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft table", tests, NULL, NULL);
}
