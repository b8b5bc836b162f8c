/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Changes of the firewall where nf_tables judges, beside other writers and beside traffic: none is lost or seen by
 * half. */
#include <errno.h>
#include <inttypes.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend.h"
#include "batch.h"
#include "ruleset.h"
#include "surroundings.h"
#include "users_place.h"
#include "users_table.h"
#include "wall.h"

#define TABLE "inet " NFT_USERS
#define MANY 4000
#define WRITES 50
#define PAUSE_US 500
#define PATIENCE_S 30

/* Of this process and its children. */
struct shared {
    atomic_bool stop;
    atomic_uint rounds, wrong;
};

static struct {
    struct users *users;
    struct users_place place;
    struct tctl_firewall *firewall;
    struct shared *shared;
    pid_t child;
} at;

static int set_up(void **state)
{
    int r = users_set_up(state);
    at.users = *state;
    users_put(at.users, NULL);
    users_place_make(&at.place, 0);
    assert_int_equal(tctl_firewall_open(at.place.folder, &at.firewall), 0);
    at.shared = mmap(NULL, sizeof(*at.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(at.shared, MAP_FAILED);
    return r;
}

static void end_child(void)
{
    if (at.child > 0) {
        kill(at.child, SIGKILL);
        waitpid(at.child, NULL, 0);
    }
    at.child = 0;
}

static int tear_down(void **state)
{
    end_child();
    munmap(at.shared, sizeof(*at.shared));
    tctl_firewall_close(at.firewall);
    users_place_remove(&at.place);
    return users_tear_down(state);
}

static void begin_child(child_fn run)
{
    time_t end = time(NULL) + PATIENCE_S;
    at.child = surroundings_fork(run, at.shared);
    while (at.shared->rounds < 2)
        assert_true(time(NULL) < end);
}

static void stop_child(void)
{
    at.shared->stop = true;
    const pid_t child = at.child;
    at.child = 0;
    assert_int_equal(surroundings_wait(child), 0);
}

static void done(int r)
{
    wall_assert_done(at.firewall, r);
}

/* What is saved and what holds is the same. */
static void assert_as_saved(void)
{
    size_t count = 1;
    done(tctl_firewall_differences(at.firewall, NULL, 0, &count));
    assert_int_equal(count, 0);
}

static void fill(uint32_t uids[MANY], uint32_t first)
{
    for (uint32_t i = 0; i < MANY; i++)
        uids[i] = first + i;
}

static uint32_t generation(void)
{
    uint32_t number = 0;
    assert_int_equal(nft_talk_generation(at.users->talk, &number), 0);
    return number;
}

/* On both lists: nothing of it may ever leave. */
#define ALWAYS (USERS_FIRST + MANY - 1)

static int send_always(void *context)
{
    struct shared *shared = context;
    for (; !shared->stop; shared->rounds++)
        if (users_send(ALWAYS) != EPERM)
            shared->wrong++;
    return 0;
}

static void many_are_replaced_at_once(void **state)
{
    (void)state;
    uint32_t before[MANY], after[MANY];
    struct timespec begun, ended;
    fill(before, USERS_FIRST);
    fill(after, ALWAYS);
    done(tctl_firewall_enable(at.firewall, TCTL_STANDBY, true, 0));
    done(tctl_firewall_replace(at.firewall, TCTL_STANDBY, before, MANY, 0));
    begin_child(send_always);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (unsigned int i = 1; i <= WRITES; i++) {
        const uint32_t was = generation();
        done(tctl_firewall_replace(at.firewall, TCTL_STANDBY, i % 2 ? after : before, MANY, TCTL_RUNTIME));
        assert_int_equal(generation(), was + 1);
        assert_int_equal(users_send(USERS_FIRST), i % 2 ? 0 : EPERM);
        assert_int_equal(users_send(ALWAYS + MANY - 1), i % 2 ? EPERM : 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    const int64_t us = (ended.tv_sec - begun.tv_sec) * 1000000 + (ended.tv_nsec - begun.tv_nsec) / 1000;
    stop_child();
    assert_int_equal(at.shared->wrong, 0);
    print_message("%" PRId64 " us each, %u datagrams beside\n", us / WRITES, at.shared->rounds);
}

/* Nothing to do is no change of the ruleset. */
static void what_holds_already_changes_nothing(void **state)
{
    (void)state;
    done(wall_set(at.firewall, TCTL_STANDBY, USERS_FIRST, false, 0));
    const uint32_t was = generation();
    done(wall_set(at.firewall, TCTL_STANDBY, USERS_FIRST, false, 0));
    done(tctl_firewall_restore(at.firewall));
    assert_int_equal(generation(), was);
}

static int deny_some(void *context)
{
    struct shared *shared = context;
    struct tctl_firewall *firewall = NULL;
    if (tctl_firewall_open(at.place.folder, &firewall) < 0)
        return 1;
    for (uint32_t i = 0; i < 2 * WRITES; i++) {
        if (wall_set(firewall, TCTL_OEM_DENY_2, USERS_FIRST + 2 * i, false, i % 2 ? TCTL_RUNTIME : 0) < 0)
            return 2;
        shared->rounds++;
    }
    tctl_firewall_close(firewall);
    return 0;
}

static void two_writers_lose_nothing(void **state)
{
    (void)state;
    begin_child(deny_some);
    for (uint32_t i = 0; i < 2 * WRITES; i++)
        done(wall_set(at.firewall, TCTL_OEM_DENY_2, USERS_FIRST + 2 * i + 1, false, 0));
    stop_child();
    struct nft_held held = users_held(at.users);
    assert_int_equal(held.policy.listed[TCTL_OEM_DENY_2].count, 4 * WRITES);
    nft_held_done(&held);
    done(tctl_firewall_restore(at.firewall));
    held = users_held(at.users);
    assert_int_equal(held.policy.listed[TCTL_OEM_DENY_2].count, 3 * WRITES);
    nft_held_done(&held);
}

/* What a peer writes by nft while a change is on its way. */
static void a_change_undoes_nothing_of_peers(void **state)
{
    (void)state;
    struct change change = {.kind = CHANGE_LIST, .chain = TCTL_STANDBY, .edit = IMAGE_ADD};
    struct enforcer *enforcer = NULL;
    struct staged *staged = NULL;
    struct fault fault = {0};
    assert_int_equal(policy_uids_set(&change.uids, USERS_FIRST, true), 0);
    assert_int_equal(backend_nft.rules_open(at.place.folder, &enforcer), 0);
    assert_int_equal(backend_nft.stage_open(enforcer, &staged), 0);
    ruleset_run("nft add element " TABLE " standby { 10007 }");
    assert_false(backend_nft.stage_lists(staged, TCTL_STANDBY, 10007));
    assert_int_equal(backend_nft.stage_change(staged, &change, &fault), 0);
    ruleset_run("nft 'add element " TABLE " standby { 10008 }; add element " TABLE " switched { 2 }'");
    ruleset_run("nft add table inet other");
    const uint32_t was = generation();
    assert_int_equal(backend_nft.stage_commit(staged, &fault), 0);
    assert_int_equal(generation(), was + 1);
    struct nft_held held = users_held(at.users);
    assert_int_equal(held.policy.listed[TCTL_STANDBY].count, 3);
    assert_int_equal(held.policy.switched, TCTL_BIT(TCTL_STANDBY));
    nft_held_done(&held);
    backend_nft.stage_done(staged);
    backend_nft.rules_done(enforcer);
    change_done(&change);
}

/* One UID after the other, without the writers' lock. */
static int list_some(void *context)
{
    struct shared *shared = context;
    struct nft_talk *talk = NULL;
    struct fault fault = {0};
    if (nft_talk_open(&talk, &fault) < 0)
        return 1;
    for (uint32_t uid = USERS_FIRST; uid < USERS_FIRST + MANY; uid++, shared->rounds++) {
        struct nft_elements one = {0};
        struct nft_batch batch;
        uint32_t refused;
        if (nft_elements_append(&one, NFT_SET_LOCKDOWN, &uid) < 0 || nft_batch_begin(&batch, talk, 0) < 0 ||
            nft_sets_add(&batch, NFT_SET_LOCKDOWN, &one) < 0 || nft_batch_send(&batch, &refused) < 0)
            return 2;
        nft_batch_done(&batch);
        nft_elements_done(&one);
        usleep(PAUSE_US);
    }
    nft_talk_free(talk);
    return 0;
}

/* Peers that write into the same table all the time. */
static void what_peers_write_meanwhile_stays(void **state)
{
    (void)state;
    unsigned int held = 0;
    begin_child(list_some);
    while (at.shared->rounds < MANY)
        held += wall_set(at.firewall, TCTL_STANDBY, USERS_FIRST, held % 2, TCTL_RUNTIME) == 0;
    stop_child();
    assert_true(held > 0);
    struct nft_held now = users_held(at.users);
    assert_int_equal(now.policy.lockdown.count, MANY);
    nft_held_done(&now);
    print_message("%u changes beside %d\n", held, MANY);
}

/* Another's table comes and goes, as fast as this process can. */
static int change_others(void *context)
{
    struct shared *shared = context;
    struct nft_talk *talk = NULL;
    struct fault fault = {0};
    if (nft_talk_open(&talk, &fault) < 0)
        return 1;
    for (; !shared->stop; shared->rounds++) {
        struct nft_batch batch;
        uint32_t refused;
        const uint16_t type = shared->rounds % 2 ? NFT_MSG_DELTABLE : NFT_MSG_NEWTABLE;
        if (nft_batch_begin(&batch, talk, 0) < 0)
            return 2;
        mnl_attr_put_strz(nft_batch_part(&batch, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0), NFTA_TABLE_NAME,
                          "other");
        if (nft_batch_part_end(&batch) < 0 || nft_batch_send(&batch, &refused) < 0)
            return 3;
        nft_batch_done(&batch);
    }
    nft_talk_free(talk);
    return 0;
}

/* Then it may say that it could not, at once, and has changed nothing. */
static void a_ruleset_that_never_rests_is_said(void **state)
{
    (void)state;
    unsigned int held = 0;
    begin_child(change_others);
    for (uint32_t i = 0; i < 2 * WRITES; i++) {
        int r = wall_set(at.firewall, TCTL_STANDBY, USERS_FIRST + i, false, 0);
        if (r == -EAGAIN) {
            wall_assert_refused(at.firewall, r, -EAGAIN, "others change the ruleset");
        } else {
            done(r);
            held++;
        }
    }
    stop_child();
    assert_as_saved();
    struct nft_held now = users_held(at.users);
    assert_int_equal(now.policy.listed[TCTL_STANDBY].count, held);
    nft_held_done(&now);
    print_message("%u of %u held beside %u changes of others\n", held, 2 * WRITES, at.shared->rounds);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_are_replaced_at_once),        TEST(what_holds_already_changes_nothing),
        TEST(two_writers_lose_nothing),         TEST(a_change_undoes_nothing_of_peers),
        TEST(what_peers_write_meanwhile_stays), TEST(a_ruleset_that_never_rests_is_said),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft firewall, beside others", tests, NULL, NULL);
}
