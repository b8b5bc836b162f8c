/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Starts with larger maps while packets fly: what is counted is what crossed the wire, for readers that were there
 * before too; and starts that come late: sockets that were open before count from the first packet on.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "iface_kit.h"
#include "kit.h"
#include "program.h"
#include "traffic_abi.h"

#define UID 10001
#define TAG 7
#define UPGRADES 4

static const struct wire_filter ALL4 = {.family = AF_INET, .address = 1};

static unsigned entries = 10000;

/* Every map has this much more room with the next start. */
static void ask_for_more(void)
{
    char text[512];

    entries += 500;
    snprintf(text, sizeof(text),
             "[maps]\ncookie_tag = %u\nuid_counterSet = %u\napp_uid_stats = %u\nuid_stats = %u\ntag_stats = %u\n"
             "iface_index_name = %u\niface_stats = %u\ndozable_uid = %u\nstandby_uid = %u\npowersave_uid = %u\n",
             entries, entries, entries, entries, entries, entries, entries, entries, entries, entries);
    assert_int_equal(world_configure(the_world, text), 0);
}

/* Both ends of a flow, written and read by a thread that stays on one CPU. */
struct flow {
    int fd[2];
    unsigned cpu;
    atomic_bool *stop;
    pthread_t thread;
};

static void stay_on(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static void swallow(int fd)
{
    char block[2000];

    while (recv(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
        ;
}

static void *run_flow(void *arg)
{
    struct flow *flow = arg;

    stay_on(flow->cpu);
    while (!atomic_load(flow->stop)) {
        for (int i = 0; i < 40; i++)
            if (send(flow->fd[i % 2], "0123456789", 10, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
                perror("send");
        swallow(flow->fd[0]);
        swallow(flow->fd[1]);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); /* a load that a slow machine carries too */
    }
    return NULL;
}

/* With a handle of its own from before. */
struct reader {
    atomic_bool *stop;
    pthread_t thread;
    int error;
    unsigned long reads;
    uint64_t went_down, longest_us;
};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void *run_reader(void *arg)
{
    struct reader *reader = arg;
    struct tctl_counters last = {0}, now;
    struct tctl *traffic;

    run_anywhere();
    reader->error = tctl_open(the_world->bpffs, &traffic);
    while (reader->error == 0 && !atomic_load(reader->stop)) {
        uint64_t begin = now_us(), took;

        reader->error = tctl_read_uid(traffic, UID, &now);
        took = now_us() - begin;
        if (took > reader->longest_us)
            reader->longest_us = took;
        reader->went_down += now.rx_packets < last.rx_packets || now.tx_packets < last.tx_packets ||
                             now.rx_bytes < last.rx_bytes || now.tx_bytes < last.tx_bytes;
        last = now;
        reader->reads++;
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    tctl_close(traffic);
    return NULL;
}

static void upgrade(int signal_number)
{
    ask_for_more();
    assert_int_equal(world_stop_daemon(the_world, signal_number, NULL), 0);
    assert_int_equal(world_start_daemon(the_world), 0);
}

static void test_upgrades_under_traffic_count_every_packet(void **state)
{
    atomic_bool stop = false;
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1), tagged = udp_pair(the_world, UID, AF_INET, 1);
    struct tcp tcp = tcp_connect(the_world, UID, AF_INET, 1);
    struct reader reader = {.stop = &stop};
    struct flow flows[] = {
        {{udp.a, udp.b}, 0, &stop, 0}, {{tcp.a, tcp.b}, 1, &stop, 0}, {{tagged.a, tagged.b}, 1, &stop, 0}};

    (void)state;
    swallow(tcp.a);
    swallow(tcp.b);
    tag_write(the_world, tagged.a, UID, TAG);
    answer_drop(the_world, tagged.a);
    struct tctl_counters a0 = a0_start();
    struct meter meter = {.world = the_world, .uid = UID, .filter = ALL4, .before = uid_total(the_world, UID)};
    for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
        assert_int_equal(pthread_create(&flows[i].thread, NULL, run_flow, &flows[i]), 0);
    assert_int_equal(pthread_create(&reader.thread, NULL, run_reader, &reader), 0);
    for (int i = 0; i < UPGRADES; i++) {
        uint64_t before = meter_wire(&meter).tx_packets;

        upgrade(i % 2 ? SIGKILL : SIGTERM);
        assert_true(meter_wire(&meter).tx_packets > before);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
        pthread_join(flows[i].thread, NULL);
    pthread_join(reader.thread, NULL);
    meter_exact(&meter);
    a0_exact(a0);
    print_message("%d upgrades, %lu packets; %lu reads, the longest %lu us\n", UPGRADES,
                  (unsigned long)meter_wire(&meter).tx_packets, reader.reads, (unsigned long)reader.longest_us);
    assert_int_equal(reader.error, 0);
    assert_int_equal(reader.went_down, 0);
    assert_tag(the_world, tagged.a, UID, TAG);
    udp_close(&udp);
    udp_close(&tagged);
    tcp_end(&tcp, true);
}

static struct program said;

static void test_a_downgrade_is_refused_with_the_reason(void **state)
{
    const char *const arguments[] = {"--config", the_world->config, "--bpffs", the_world->bpffs,
                                     "--cgroup", the_world->cgroup, NULL};
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    (void)state;
    upgrade(SIGTERM);
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    assert_int_equal(world_configure(the_world, ""), 0);
    run_as(0, "trafficd", arguments, &said);
    assert_refused(&said, 1, "downgrade", "trafficctl unload");
    struct meter meter = meter_start(the_world, UID, &ALL4);
    udp_send(udp.a, udp.b, 100);
    meter_exact(&meter); /* the programs go on */
    ask_for_more();
    assert_int_equal(world_start_daemon(the_world), 0);
    udp_close(&udp);
}

/* Nothing is loaded when they are opened. */
static void test_sockets_from_before_the_start_count_from_the_first_packet(void **state)
{
    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    the_world->traffic = tctl_close(the_world->traffic);
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    struct tcp made = tcp_connect(the_world, UID, AF_INET, 1), taken = tcp_accept(the_world, UID, AF_INET, 1);
    udp_send(udp.a, udp.b, 100); /* nobody counts this */
    acknowledge(made.a);
    acknowledge(taken.a);
    assert_int_equal(world_start_daemon(the_world), 0);

    struct meter meter = meter_start(the_world, UID, &ALL4);
    udp_send(udp.a, udp.b, 100);
    udp_send(udp.b, udp.a, 1000);
    transfer(made.a, made.b, 100000, 10000);
    transfer(taken.b, taken.a, 100000, 10000);
    meter_exact(&meter);
    assert_int_equal(uid_total(the_world, UID).tx_packets, meter_wire(&meter).tx_packets);
    tcp_end(&made, true);
    tcp_end(&taken, true);
    udp_close(&udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(test_upgrades_under_traffic_count_every_packet),
        IN_A_PLACE(test_a_downgrade_is_refused_with_the_reason),
        IN_A_PLACE(test_sockets_from_before_the_start_count_from_the_first_packet),
    };

    return run_world("upgrade, links", tests, ARRAY_SIZE(tests), &(struct world_options){.netfilter = "link"}) +
           run_world("upgrade, nft", tests, ARRAY_SIZE(tests),
                     &(struct world_options){.netfilter = "nft", .percpu = true});
}
