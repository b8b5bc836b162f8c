/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Elements of hash maps are reused at once, also when a row is written anew: a program that has found a UID's row may
 * read another UID's in it. On another CPU the rows of two UIDs, of whom one is blocked and the other is not, are
 * written without end; not one packet is judged as the other's. (A program that reads once judges one in a million
 * wrongly here, where an interrupt came between look-up and reading. One that reads until two readings agree, one in
 * some ten millions: interrupts come in pairs. Pauses put between look-up and reading make both fail every time.)
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "fd.h"
#include "fixture.h"

#define SENDER 0 /* whose packets BPF_PROG_TEST_RUN sends */
#define OTHER 10001
#define PACKETS 50000
#define RUNS 40

/* A row of each UID in two forms that mean the same. */
struct rows {
    int map;
    size_t size;
    unsigned char form[2][2][sizeof(struct tctl_uid_rules)]; /* of SENDER, of OTHER */
};

struct writer_thread {
    struct rows rows;
    uint64_t *generation;
    pthread_t thread;
    _Atomic bool ended;
    uint64_t written;
    int failed;
};

/* Anywhere but where the packets are sent. */
static void leave_this_cpu(int cpu)
{
    cpu_set_t others;
    CPU_ZERO(&others);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (i != cpu)
            CPU_SET(i, &others);
    }
    sched_setaffinity(0, sizeof(others), &others);
}

/* Both in one call, so that each row is at once written into the element that the other one has just left. */
static void *write_rows(void *context)
{
    struct writer_thread *writer = context;
    const uint32_t uids[] = {SENDER, OTHER};
    const size_t size = writer->rows.size;
    unsigned char values[2][2 * sizeof(struct tctl_uid_rules)];
    for (size_t form = 0; form < 2; form++) {
        memcpy(values[form], writer->rows.form[0][form], size);
        memcpy(values[form] + size, writer->rows.form[1][form], size);
    }
    leave_this_cpu(sched_getcpu());
    for (; !writer->ended && writer->failed == 0; writer->written++) {
        uint32_t count = ARRAY_SIZE(uids);
        writer->failed = bpf_map_update_batch(writer->rows.map, uids, values[writer->written % 2], &count, NULL);
        __atomic_fetch_add(writer->generation, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static uint64_t dropped(const struct fixture *fixture)
{
    struct tctl_state state;
    uint32_t zero = 0;
    assert_true(fixture_get(fixture, PIN_STATE, &zero, &state));
    return state.dropped[0] + state.dropped[1];
}

static void judge_beside_writer(const struct fixture *fixture, struct writer_thread *writer, bool pass)
{
    const struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 64);
    uint64_t before = dropped(fixture);
    fixture_stay_on_this_cpu();
    assert_int_equal(pthread_create(&writer->thread, NULL, write_rows, writer), 0);
    for (int i = 0; i < RUNS; i++)
        fixture_run(fixture, PIN_EGRESS_PROG, &packet, PACKETS);
    writer->ended = true;
    pthread_join(writer->thread, NULL);
    assert_int_equal(writer->failed, 0);
    assert_true(writer->written > RUNS);
    assert_int_equal(dropped(fixture) - before, pass ? 0 : RUNS * PACKETS);
}

static void switch_on(const struct fixture *fixture, enum pin_id map, uint32_t chain)
{
    const uint32_t zero = 0, key = TCTL_CHAIN_SWITCH;
    const uint8_t on = 1;
    struct tctl_config config;
    if (map != PIN_UID_RULES) {
        fixture_put(fixture, map, &key, &on);
        return;
    }
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &config));
    config.chains = TCTL_BIT(chain);
    fixture_put(fixture, PIN_CONFIG, &zero, &config);
}

/* Two forms: the chain lists the UID or not, and something else that no chain asks for now. */
static void two_forms(struct rows *rows, size_t who, enum pin_id map, uint32_t chain, bool listed)
{
    const bool allows = TCTL_ALLOW_LISTS & TCTL_BIT(chain);
    for (uint32_t form = 0; form < 2; form++) {
        const struct tctl_uid_rules word = {
            .uid = who == 0 ? SENDER : OTHER,
            .rules = (listed ? TCTL_BIT(chain) : 0) | (form ? TCTL_BIT(TCTL_OEM_DENY_3) : 0),
        };
        const uint8_t byte = listed == allows ? (uint8_t)(1 + form) : 0;
        memcpy(rows->form[who][form], map == PIN_UID_RULES ? (const void *)&word : &byte, rows->size);
    }
}

static void nobody_is_judged_as_another(const struct fixture *fixture, enum pin_id map, uint32_t chain, bool pass)
{
    const bool allows = TCTL_ALLOW_LISTS & TCTL_BIT(chain);
    _cleanup_fd_ int rows = fixture_pin(fixture, map);
    const size_t size = map == PIN_UID_RULES ? sizeof(struct tctl_uid_rules) : sizeof(uint8_t);
    struct writer_thread writer = {.rows = {.map = rows, .size = size}};
    writer.generation = fixture_map_generation(fixture);
    two_forms(&writer.rows, 0, map, chain, pass == allows);
    two_forms(&writer.rows, 1, map, chain, pass != allows);
    fixture_put(fixture, map, &(uint32_t){SENDER}, writer.rows.form[0][0]);
    switch_on(fixture, map, chain);
    fixture_raise(fixture);
    judge_beside_writer(fixture, &writer, pass);
    munmap(writer.generation, sizeof(uint64_t));
}

static void in_both_ways(struct fixture *fixture, enum pin_id map, uint32_t chain)
{
    fixture_load(fixture);
    nobody_is_judged_as_another(fixture, map, chain, true);
    nobody_is_judged_as_another(fixture, map, chain, false);
}

static void rows_of_netds_allow_list_are_their_own_uids(void **state)
{
    in_both_ways(*state, PIN_DOZABLE_UID, TCTL_DOZABLE);
}

static void rows_of_netds_deny_list_are_their_own_uids(void **state)
{
    in_both_ways(*state, PIN_STANDBY_UID, TCTL_STANDBY);
}

static void rows_of_our_allow_list_are_their_own_uids(void **state)
{
    in_both_ways(*state, PIN_UID_RULES, TCTL_RESTRICTED);
}

static void rows_of_our_deny_list_are_their_own_uids(void **state)
{
    in_both_ways(*state, PIN_UID_RULES, TCTL_OEM_DENY_1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_of_netds_allow_list_are_their_own_uids),
        TEST(rows_of_netds_deny_list_are_their_own_uids),
        TEST(rows_of_our_allow_list_are_their_own_uids),
        TEST(rows_of_our_deny_list_are_their_own_uids),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall reuse", tests, NULL, NULL);
}
