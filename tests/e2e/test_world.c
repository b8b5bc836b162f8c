/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The harness itself: two capture points agree with each other and with what a sender knows that it sent. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "flow.h"
#include "meter.h"

static struct tctl_counters wire(const struct wire_filter *filter)
{
    struct tctl_counters counters;

    assert_int_equal(wire_count(the_world, filter, &counters), 0);
    return counters;
}

static void test_wire_counts_each_datagram(void **state)
{
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_UDP, .address = 2};
    struct udp udp = udp_pair(the_world, 10001, AF_INET, 2);

    (void)state;
    assert_int_equal(wire_reset(the_world), 0);
    for (int i = 0; i < 10; i++)
        udp_send(udp.a, udp.b, 100);
    for (int i = 0; i < 7; i++)
        udp_send(udp.b, udp.a, 50);
    udp_close(&udp);
    assert_counters_equal("wire", wire(&filter), (struct tctl_counters){7 * 78, 7, 10 * 128, 10});
    filter.address = 3;
    assert_counters_equal("another address", wire(&filter), (struct tctl_counters){0});
}

static void test_wire_counts_each_fragment(void **state)
{
    struct wire_filter filter = {.family = AF_INET6, .protocol = IPPROTO_UDP, .address = 1};
    struct udp udp = udp_pair(the_world, 10001, AF_INET6, 1);

    (void)state;
    assert_int_equal(wire_reset(the_world), 0);
    udp_send(udp.a, udp.b, 60000);
    udp_close(&udp);
    /* 60008 bytes in parts of 1448, with 48 bytes of headers each */
    assert_counters_equal("wire", wire(&filter), (struct tctl_counters){0, 0, 60008 + 42 * 48, 42});
}

static void test_wire_takes_super_packets_apart(void **state)
{
    struct wire_filter filter = {.family = AF_INET, .protocol = IPPROTO_TCP, .address = 1};
    struct tcp tcp;
    struct tctl_counters seen;

    (void)state;
    assert_int_equal(world_offload(the_world, true, true, true), 0);
    assert_int_equal(wire_reset(the_world), 0);
    tcp = tcp_connect(the_world, 10001, AF_INET, 1);
    transfer(tcp.a, tcp.b, 1000000, 65536);
    tcp_end(&tcp, true);
    seen = wire(&filter);
    assert_in_range(seen.tx_packets, 1000000 / 1448, 1200);
    assert_int_equal(seen.tx_bytes,
                     1000000 + seen.tx_packets * 52 + 8); /* SYN: 8 bytes more of options than the timestamp */
}

static int who_am_i(int channel, void *arg)
{
    (void)arg;
    return channel_send(channel, getuid() * 1000000ull + getegid());
}

static void test_actor_is_the_user(void **state)
{
    struct actor actor;
    uint64_t word;

    (void)state;
    assert_int_equal(actor_start(the_world, PLACE_A, 10001, who_am_i, NULL, &actor), 0);
    assert_int_equal(channel_recv(actor.channel, &word), 0);
    assert_int_equal(actor_wait(&actor), 0);
    assert_int_equal(word, 10001010001ull);
}

struct place_names {
    char folder[64];
    char cgroup[128];
};

/* Another test process with a world of its own, which it names and then waits in. */
static pid_t other_process(int *ret_channel, struct place_names *ret_names)
{
    int pair[2];
    pid_t pid;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid = fork();
    if (pid == 0) {
        struct place_names names = {0};
        struct world *world;

        fd_close(pair[0]);
        if (world_new(&(struct world_options){.no_daemon = true}, &world) < 0)
            _exit(1);
        memcpy(names.folder, world->folder, sizeof(names.folder));
        memcpy(names.cgroup, world->cgroup, sizeof(names.cgroup));
        send(pair[1], &names, sizeof(names), MSG_NOSIGNAL);
        recv(pair[1], &names, 1, 0);
        abort();
    }
    fd_close(pair[1]);
    assert_int_equal(recv(pair[0], ret_names, sizeof(*ret_names), 0), sizeof(*ret_names));
    assert_int_equal(access(ret_names->cgroup, F_OK), 0);
    assert_int_equal(access(ret_names->folder, F_OK), 0);
    *ret_channel = pair[0];
    return pid;
}

static void gone(const struct place_names *names)
{
    assert_int_equal(access(names->cgroup, F_OK), -1);
    assert_int_equal(access(names->folder, F_OK), -1);
}

/* SIGABRT is what the process sends itself, when its channel ends. */
static void test_signals_undo_the_world(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGABRT};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        struct place_names names;
        int channel, status;
        pid_t pid = other_process(&channel, &names);

        if (signals[i] != SIGABRT)
            assert_int_equal(kill(pid, signals[i]), 0);
        fd_close(channel);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        gone(&names);
    }
}

/* Nobody can undo that but the next one who comes. */
static void test_next_world_sweeps_what_a_kill_left(void **state)
{
    struct place_names names, next;
    int channel, status;
    pid_t pid = other_process(&channel, &names);

    (void)state;
    assert_int_equal(kill(pid, SIGKILL), 0);
    fd_close(channel);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(access(names.cgroup, F_OK), 0);
    pid = other_process(&channel, &next);
    gone(&names);
    fd_close(channel);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    gone(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_counts_each_datagram),
        cmocka_unit_test(test_wire_counts_each_fragment),
        cmocka_unit_test(test_wire_takes_super_packets_apart),
        cmocka_unit_test(test_actor_is_the_user),
        cmocka_unit_test(test_signals_undo_the_world),
        cmocka_unit_test(test_next_world_sweeps_what_a_kill_left),
    };

    return run_world("world", tests, sizeof(tests) / sizeof(*tests), &(struct world_options){.no_daemon = true});
}
