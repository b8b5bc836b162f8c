/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* DELETE_TAGDATA: nothing of what was asked for is left, and nothing else is touched, whatever is sent meanwhile. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "charge.h"
#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"
#include "lingering.h"

#define USER 10001
#define OTHER 10002
#define DELETIONS 20

static const struct tctl_counters NONE;
static const struct wire_filter TCP4 = {.family = AF_INET, .protocol = IPPROTO_TCP};

static void tag_for(uint32_t uid, int fd, uint32_t number)
{
    assert_int_equal(fwmark_tag(FWMARK_ROOT, fd, uid, number), 0);
    assert_tag(the_world, fd, uid, number);
}

static void erase(uint32_t uid, uint32_t number)
{
    assert_int_equal(fwmark_delete(FWMARK_ROOT, uid, number), 0);
}

static struct tctl_counters all_rows(uint32_t uid)
{
    return detail_sum(the_world, &(struct tctl_filter){.has_uid = true, .uid = uid});
}

static void deletions_of_a_flow(const struct charge_flow *flow)
{
    int fd = charge_flow_socket(flow);
    struct tctl_counters total;

    tag_for(USER, fd, 5);
    charge_flow_run(flow);
    total = uid_total(the_world, USER);
    erase(USER, 5);
    assert_tag(the_world, fd, UINT32_MAX, 0);
    assert_counters_equal("the tag", tag_sum(the_world, USER, 5), NONE);
    assert_counters_equal("the total stays", uid_total(the_world, USER), total);
    charge_flow_exact(flow, USER, 0, 0);
    tag_for(USER, fd, 5);
    charge_flow_exact(flow, USER, 5, 0);
    erase(USER, 0);
    assert_tag(the_world, fd, UINT32_MAX, 0);
    assert_counters_equal("all rows", all_rows(USER), NONE);
    assert_counters_equal("the total", uid_total(the_world, USER), NONE);
    charge_flow_exact(flow, USER, 0, 0);
    tag_for(OTHER, fd, 5);
    charge_flow_exact(flow, OTHER, 5, 0);
    erase(OTHER, 0);
    assert_tag(the_world, fd, UINT32_MAX, 0);
    assert_counters_equal("rows of who paid", all_rows(OTHER), NONE);
    charge_flow_exact(flow, USER, 0, 0);
}

static void test_deletion_in_the_middle_of_a_flow(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct charge_flow flow = charge_flow_new(USER, families[i / 2], protocols[i % 2], 2);

        deletions_of_a_flow(&flow);
        charge_flow_end(&flow);
    }
}

/* Two users with two tags each; both in the foreground. */
struct four {
    struct charge_flow flow[2][2];
    struct tctl_counters tagged[2][2], total[2];
};
static const uint32_t WHO[] = {USER, OTHER}, TAG[] = {5, 6};

static void four_note(struct four *four)
{
    for (int u = 0; u < 2; u++) {
        four->total[u] = uid_total(the_world, WHO[u]);
        for (int t = 0; t < 2; t++)
            four->tagged[u][t] = tag_sum(the_world, WHO[u], TAG[t]);
    }
}

static void four_start(struct four *four)
{
    erase(USER, 0);
    erase(OTHER, 0);
    for (int u = 0; u < 2; u++)
        for (int t = 0; t < 2; t++) {
            struct charge_flow *flow = &four->flow[u][t];

            *flow = charge_flow_new(WHO[u], t ? AF_INET : AF_INET6, IPPROTO_UDP, 1);
            tag_for(WHO[u], charge_flow_socket(flow), TAG[t]);
            assert_int_equal(fwmark_counter_set(FWMARK_ROOT, WHO[u], 1), 0);
            charge_flow_exact(flow, WHO[u], TAG[t], 1);
        }
    four_note(four);
}

static bool gone(uint32_t uid, uint32_t deleted, int u, int t)
{
    return WHO[u] == uid && (TAG[t] == deleted || deleted == 0);
}

/* After that deletion: what it asked for is nought, the rest is as it was. */
static void four_check(const struct four *four, uint32_t uid, uint32_t deleted)
{
    for (int u = 0; u < 2; u++) {
        bool all = WHO[u] == uid && deleted == 0;

        assert_counters_equal("total", uid_total(the_world, WHO[u]), all ? NONE : four->total[u]);
        assert_int_equal(byte_read(the_world, "traffic_uid_counterSet_map", WHO[u]), !all);
        for (int t = 0; t < 2; t++) {
            bool ended = gone(uid, deleted, u, t);

            assert_counters_equal("tag", tag_sum(the_world, WHO[u], TAG[t]), ended ? NONE : four->tagged[u][t]);
            assert_tag(the_world, charge_flow_socket(&four->flow[u][t]), ended ? UINT32_MAX : WHO[u], TAG[t]);
        }
    }
}

/* ... and each socket is charged as that left it. */
static void four_end(struct four *four, uint32_t uid, uint32_t deleted)
{
    for (int u = 0; u < 2; u++)
        for (int t = 0; t < 2; t++) {
            bool all = WHO[u] == uid && deleted == 0;

            charge_flow_exact(&four->flow[u][t], WHO[u], gone(uid, deleted, u, t) ? 0 : TAG[t], !all);
            charge_flow_end(&four->flow[u][t]);
        }
}

static void four_without(uint32_t uid, uint32_t deleted)
{
    struct four four;

    four_start(&four);
    erase(uid, deleted);
    four_check(&four, uid, deleted);
    erase(uid, deleted); /* what is not there is deleted too */
    four_check(&four, uid, deleted);
    four_end(&four, uid, deleted);
}

static void test_one_tag_of_one_user(void **state)
{
    (void)state;
    four_without(USER, 5);
    four_without(OTHER, 6);
}

static void test_all_of_one_user(void **state)
{
    (void)state;
    four_without(USER, 0);
    four_without(OTHER, 0);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    four_without(USER, 7);
    four_without(4242, 5);
    four_without(4242, 0);
}

/* It is USER's socket whoever pays: what it sends after the deletion is USER's, without a tag. */
static void deleted_while_lingering(uint32_t payer, uint32_t deleted)
{
    struct lingering socket = lingering_new(USER);
    struct meter tagged, owner;

    tag_for(payer, socket.tcp.a, 11);
    tagged = meter_start(the_world, payer, &TCP4);
    lingering_close(&socket);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
    lingering_wait(&tagged);
    assert_true(tag_sum(the_world, payer, 11).tx_bytes > 0);
    erase(payer, deleted);
    assert_counters_equal("at once", tag_sum(the_world, payer, 11), NONE);
    tagged = meter_start(the_world, payer, &TCP4);
    owner = meter_start(the_world, USER, &TCP4);
    lingering_end(&socket);
    meter_differs(&owner, &(struct meter_extra){-1, -52, -1, -52});
    assert_true(meter_counted(&owner).tx_bytes > 300000);
    assert_counters_equal("in the end", tag_sum(the_world, payer, 11), NONE);
    if (payer != USER)
        assert_counters_equal("who paid", meter_counted(&tagged), NONE);
}

static void test_nothing_comes_back_from_a_closed_socket(void **state)
{
    (void)state;
    deleted_while_lingering(USER, 11);
    deleted_while_lingering(USER, 0);
    deleted_while_lingering(OTHER, 11);
    deleted_while_lingering(OTHER, 0);
}

/* Another tag's deletion leaves a closed socket its own. */
static void test_closed_socket_keeps_its_tag_while_others_go(void **state)
{
    struct lingering socket = lingering_new(USER);
    struct meter meter;
    struct tctl_counters before;

    (void)state;
    tag_for(USER, socket.tcp.a, 12);
    meter = meter_start(the_world, USER, &TCP4);
    before = tag_sum(the_world, USER, 12);
    lingering_close(&socket);
    erase(USER, 11);
    erase(OTHER, 12);
    erase(OTHER, 0);
    lingering_wait(&meter);
    lingering_end(&socket);
    meter_differs(&meter, &(struct meter_extra){-1, -52, -1, -52});
    assert_counters_equal("its tag", counters_less(tag_sum(the_world, USER, 12), before), meter_counted(&meter));
}

struct load {
    struct udp udp[3];
    atomic_bool stop;
};

/* On another CPU, without a pause, both ways. */
static void *run_load(void *arg)
{
    struct load *load = arg;
    char block[200];

    run_anywhere();
    while (!atomic_load(&load->stop)) {
        for (size_t i = 0; i < ARRAY_SIZE(load->udp); i++)
            if (send(load->udp[i].a, block, 100, MSG_DONTWAIT) < 0 ||
                send(load->udp[i].b, block, 100, MSG_DONTWAIT) < 0)
                break;
        for (size_t i = 0; i < ARRAY_SIZE(load->udp); i++)
            while (recv(load->udp[i].a, block, sizeof(block), MSG_DONTWAIT) > 0 ||
                   recv(load->udp[i].b, block, sizeof(block), MSG_DONTWAIT) > 0)
                ;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return NULL;
}

/* Tag 5 of USER is deleted and set again, again and again; tag 6 and another user's tag 5 lose no packet meanwhile. */
static void test_deletion_under_load(void **state)
{
    static struct load load;
    struct wire_filter sixth = {.family = AF_INET, .protocol = IPPROTO_UDP, .address = 6},
                       seventh = {.family = AF_INET, .protocol = IPPROTO_UDP, .address = 7};
    struct tctl_counters six, wire;
    struct meter user, other;
    pthread_t thread;

    (void)state;
    load = (struct load){.udp = {udp_pair(the_world, USER, AF_INET, 5), udp_pair(the_world, USER, AF_INET, 6),
                                 udp_pair(the_world, OTHER, AF_INET, 7)}};
    tag_for(USER, load.udp[1].a, 6);
    tag_for(OTHER, load.udp[2].a, 5);
    six = tag_sum(the_world, USER, 6);
    other = meter_start(the_world, OTHER, &seventh);
    user = meter_start(the_world, USER, &sixth);
    assert_int_equal(pthread_create(&thread, NULL, run_load, &load), 0);
    for (int i = 0; i < DELETIONS; i++) {
        uint64_t before = meter_wire(&user).tx_packets;

        tag_for(USER, load.udp[0].a, 5);
        while (meter_wire(&user).tx_packets < before + 3)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        erase(USER, 5);
        assert_counters_equal("tag 5", tag_sum(the_world, USER, 5), NONE);
    }
    atomic_store(&load.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    meter_exact(&other);
    assert_counters_equal("tag 5", tag_sum(the_world, USER, 5), NONE);
    wire = meter_wire(&user);
    assert_counters_equal("tag 6", counters_less(tag_sum(the_world, USER, 6), six), wire);
    user.filter.address = 5;
    meter_differs(&user, &(struct meter_extra){(int64_t)wire.rx_packets, (int64_t)wire.rx_bytes,
                                               (int64_t)wire.tx_packets, (int64_t)wire.tx_bytes});
    for (size_t i = 0; i < ARRAY_SIZE(load.udp); i++)
        udp_close(&load.udp[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deletion_in_the_middle_of_a_flow),
        cmocka_unit_test(test_one_tag_of_one_user),
        cmocka_unit_test(test_all_of_one_user),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_nothing_comes_back_from_a_closed_socket),
        cmocka_unit_test(test_closed_socket_keeps_its_tag_while_others_go),
        cmocka_unit_test(test_deletion_under_load),
    };

    return run_both("deletion by fwmarkd", tests, ARRAY_SIZE(tests));
}
