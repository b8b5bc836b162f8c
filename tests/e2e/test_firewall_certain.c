/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A list is replaced again and again by two processes at once, under traffic: who is on both lists is not held up by a
 * single packet, who is on neither gets none through, and who comes and goes does come and go.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <trafficctl/firewall.h>

#include "fd.h"
#include "kit.h"
#include "traffic_abi.h"

/* By what both lists say of them. */
#define PASSES 10001
#define BLOCKED 10002
#define COMES_AND_GOES 10003

#define REPLACES 500 /* by each of two processes */
#define OTHERS 60    /* on each list; every third is on the other one too */
#define FIRST_OTHER 10100

struct list {
    uint32_t uids[OTHERS + 2];
    size_t count;
};

struct job {
    unsigned int chain, flags;
    struct list lists[2];
};

static struct list list_of(unsigned int chain, unsigned int which)
{
    struct list list = {.uids = {tctl_chain_is_allow_list(chain) ? PASSES : BLOCKED}, .count = 1};

    for (uint32_t i = 0; i < OTHERS; i++)
        list.uids[list.count++] = FIRST_OTHER + 2 * i + (i % 3 ? which : 0);
    if (which == 1)
        list.uids[list.count++] = COMES_AND_GOES;
    return list;
}

static int replace(struct tctl_firewall *firewall, const struct job *job, unsigned int which)
{
    const struct list *list = &job->lists[which];

    return tctl_firewall_replace(firewall, job->chain, list->uids, list->count, job->flags);
}

/* The lock is no queue: whoever takes it again at once leaves others nothing. False: the channel has ended. */
static bool let_others(int channel)
{
    struct pollfd ended = {.fd = channel, .events = POLLIN};

    return poll(&ended, 1, 1) == 0;
}

/* An actor. Says on the channel when it has done it. */
static int replace_often(int channel, void *arg)
{
    struct tctl_firewall *firewall;
    int r = tctl_firewall_open(the_world->bpffs, &firewall);

    run_anywhere();
    for (unsigned int i = 0; i < REPLACES && r == 0 && let_others(channel); i++)
        r = replace(firewall, arg, i % 2);
    if (r < 0)
        print_message("%s\n", tctl_firewall_problem(firewall));
    tctl_firewall_close(firewall);
    channel_send(channel, 1);
    return r;
}

/* An actor: until its channel ends, other rules of the same UIDs come and go, of a chain that is off. */
static int change_other_rules(int channel, void *arg)
{
    const uint32_t uids[] = {PASSES, BLOCKED, COMES_AND_GOES};
    struct tctl_firewall *firewall;
    int r = tctl_firewall_open(the_world->bpffs, &firewall);

    (void)arg;
    run_anywhere();
    for (bool deny = true; r == 0 && let_others(channel); deny = !deny)
        r = tctl_firewall_set(firewall, TCTL_OEM_DENY_3, uids, ARRAY_SIZE(uids), !deny, TCTL_RUNTIME);
    tctl_firewall_close(firewall);
    return r;
}

/* The traffic of the three, and how much of it there was. */
struct traffic {
    struct udp passes, blocked, comes_and_goes;
    unsigned int rounds, came, went;
};

static bool has_arrived(int fd)
{
    char byte;

    if (recv(fd, &byte, 1, 0) == 1)
        return true;
    assert_int_equal(errno, EAGAIN);
    return false;
}

static bool is_sent(int fd)
{
    if (send(fd, "x", 1, 0) == 1)
        return true;
    assert_int_equal(errno, EPERM);
    return false;
}

/* Half of the packets ask the maps whatever was changed since the last one. */
static void forget_answers(struct traffic *traffic)
{
    answer_drop(the_world, traffic->passes.a);
    answer_drop(the_world, traffic->blocked.a);
    answer_drop(the_world, traffic->comes_and_goes.a);
}

static void traffic_round(struct traffic *traffic)
{
    if (traffic->rounds++ % 2)
        forget_answers(traffic);
    udp_send(traffic->passes.a, traffic->passes.b, 1);
    udp_send(traffic->passes.b, traffic->passes.a, 1);
    assert_false(is_sent(traffic->blocked.a));
    assert_int_equal(send(traffic->blocked.b, "x", 1, 0), 1);
    assert_false(has_arrived(traffic->blocked.a));
    if (is_sent(traffic->comes_and_goes.a)) {
        wait_for(traffic->comes_and_goes.b, POLLIN);
        assert_true(has_arrived(traffic->comes_and_goes.b));
        traffic->came++;
    } else {
        traffic->went++;
    }
}

static bool has_ended(struct actor *actor)
{
    struct pollfd ended = {.fd = actor->channel, .events = POLLIN};

    return poll(&ended, 1, 0) > 0;
}

/* As long as either of them replaces. */
static void traffic_beside(struct traffic *traffic, struct actor *one, struct actor *another)
{
    while (!has_ended(one) || !has_ended(another))
        traffic_round(traffic);
    udp_send(traffic->passes.b, traffic->passes.a, 1); /* whatever was on its way has come by now */
    assert_false(has_arrived(traffic->blocked.a));
    assert_false(has_arrived(traffic->blocked.b));
}

static void replace_under_traffic(unsigned int chain, struct traffic *traffic)
{
    struct job runtime = {chain, TCTL_RUNTIME, {list_of(chain, 0), list_of(chain, 1)}}, saved = runtime;
    struct actor one, another, changer;
    struct tctl_firewall *firewall;

    saved.flags = 0;
    assert_int_equal(tctl_firewall_open(the_world->bpffs, &firewall), 0);
    assert_int_equal(replace(firewall, &saved, 0), 0);
    assert_int_equal(tctl_firewall_enable(firewall, chain, true, 0), 0);

    assert_int_equal(actor_start(the_world, PLACE_A, 0, change_other_rules, NULL, &changer), 0);
    assert_int_equal(actor_start(the_world, PLACE_A, 0, replace_often, &saved, &one), 0);
    assert_int_equal(actor_start(the_world, PLACE_A, 0, replace_often, &runtime, &another), 0);
    traffic_beside(traffic, &one, &another);
    assert_int_equal(actor_wait(&one), 0);
    assert_int_equal(actor_wait(&another), 0);
    assert_int_equal(actor_wait(&changer), 0);

    assert_int_equal(tctl_firewall_enable(firewall, chain, false, 0), 0);
    assert_int_equal(tctl_firewall_replace(firewall, chain, NULL, 0, 0), 0);
    tctl_firewall_close(firewall);
}

static void replaces_hold_up_nobody_and_let_nobody_through(unsigned int chain)
{
    struct traffic traffic = {
        .passes = udp_pair(the_world, PASSES, AF_INET, 1),
        .blocked = udp_pair(the_world, BLOCKED, AF_INET, 2),
        .comes_and_goes = udp_pair(the_world, COMES_AND_GOES, AF_INET, 3),
    };

    run_anywhere();
    replace_under_traffic(chain, &traffic);
    print_message("%s: %u rounds beside %d replaces; one came %u times and went %u\n", tctl_chain_name(chain),
                  traffic.rounds, 2 * REPLACES, traffic.came, traffic.went);
    assert_true(traffic.came > 0);
    assert_true(traffic.went > 0);
    udp_close(&traffic.passes);
    udp_close(&traffic.blocked);
    udp_close(&traffic.comes_and_goes);
}

static void test_allow_list_of_netd(void **state)
{
    (void)state;
    replaces_hold_up_nobody_and_let_nobody_through(TCTL_DOZABLE);
}

static void test_deny_list_of_netd(void **state)
{
    (void)state;
    replaces_hold_up_nobody_and_let_nobody_through(TCTL_STANDBY);
}

static void test_allow_list_of_ours(void **state)
{
    (void)state;
    replaces_hold_up_nobody_and_let_nobody_through(TCTL_RESTRICTED);
}

static void test_deny_list_of_ours(void **state)
{
    (void)state;
    replaces_hold_up_nobody_and_let_nobody_through(TCTL_OEM_DENY_1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allow_list_of_netd),
        cmocka_unit_test(test_deny_list_of_netd),
        cmocka_unit_test(test_allow_list_of_ours),
        cmocka_unit_test(test_deny_list_of_ours),
    };
    const struct world_options options = {.config = "app_uids = 10000-20000\n"};

    return run_world("firewall_certain", tests, ARRAY_SIZE(tests), &options);
}
