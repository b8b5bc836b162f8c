/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Many at once: a tag that flips under two senders, process and softirq context on the same rows. */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "traffic_abi.h"

#define FLIPS 1000000
#define OWNER 10001
#define PAYER_ONE 10011
#define PAYER_TWO 10012
#define TAG_ONE 101
#define TAG_TWO 202

/* So many connections at so many bytes a second: two segments each, some thousand times a second in all. */
#define PACED 48
#define PACE 2000000
#define RACE_MS 2000
#define LONGEST_RACE_MS 10000
#define IN_FLIGHT 32768 /* bytes of the send buffer, which the kernel doubles: some 85 datagrams */

struct sender {
    int fd;
    union address to;
    atomic_bool *stop;
    unsigned limit; /* packets at most, 0: until stop */
    uint64_t sent;
    pthread_t thread;
};

static void *send_away(void *arg)
{
    struct sender *sender = arg;

    run_anywhere();
    while (!atomic_load(sender->stop) && (!sender->limit || sender->sent < sender->limit))
        if (sendto(sender->fd, "x", 1, MSG_DONTWAIT, &sender->to.any, address_size(&sender->to)) == 1)
            sender->sent++;
    return NULL;
}

static void senders_start(struct sender *sender, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&sender[i].thread, NULL, send_away, &sender[i]), 0);
}

static void senders_join(struct sender *sender, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(sender[i].thread, NULL), 0);
}

/* Write one of two pairs, a million times; each time the next packet must ask again, for one of two reasons. */
static const struct tctl_tag PAIR[2] = {{PAYER_ONE, TAG_ONE}, {PAYER_TWO, TAG_TWO}};

/* The stored answer is gone: packets in flight may hold on to it, new ones make another. */
static void flip_and_drop(int tags, int fd)
{
    _cleanup_fd_ int storage = world_map(the_world, TCTL_DIR "/socket_storage");
    uint64_t cookie = cookie_of(fd);

    for (int i = 0; i < FLIPS; i++) {
        assert_int_equal(bpf_map_update_elem(tags, &cookie, &PAIR[i & 1], BPF_ANY), 0);
        bpf_map_delete_elem(storage, &fd);
    }
}

/* The stored answer is old: two senders write another one over it, in place, while they read it. */
static void flip_and_raise(int tags, int fd)
{
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/generation");
    uint64_t cookie = cookie_of(fd),
             *generation = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

    assert_ptr_not_equal(generation, MAP_FAILED);
    for (int i = 0; i < FLIPS; i++) {
        assert_int_equal(bpf_map_update_elem(tags, &cookie, &PAIR[i & 1], BPF_ANY), 0);
        __atomic_fetch_add(generation, 1, __ATOMIC_SEQ_CST);
    }
    munmap(generation, sizeof(*generation));
}

/* Only the two pairs that ever were, and the UIDs they name, may have been charged. Returns the packets of both. */
static uint64_t pairs_only(void)
{
    _cleanup_free_ struct tctl_detail_row *row = NULL;
    size_t count = 0;
    uint64_t tagged = 0;

    assert_int_equal(tctl_read_details(the_world->traffic, NULL, &row, &count), 0);
    for (size_t i = 0; i < count; i++) {
        bool one = row[i].uid == PAYER_ONE && row[i].tag == TAG_ONE,
             two = row[i].uid == PAYER_TWO && row[i].tag == TAG_TWO;

        if (!row[i].tag)
            continue;
        if (!one && !two)
            fail_msg("charged to uid %u tag %u, a pair that never was", row[i].uid, row[i].tag);
        tagged += row[i].counters.tx_packets;
    }
    return tagged;
}

static uint64_t both_payers(void)
{
    return uid_total(the_world, PAYER_ONE).tx_packets + uid_total(the_world, PAYER_TWO).tx_packets;
}

static void never_torn(void (*flip)(int tags, int fd))
{
    _cleanup_fd_ int tags = world_map(the_world, "traffic_cookie_tag_map");
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, OWNER, AF_INET, SOCK_DGRAM, 0);
    _cleanup_fd_ int sink = socket_as(the_world, PLACE_A, OWNER, AF_INET, SOCK_DGRAM, 0);
    union address at = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    atomic_bool stop = false;
    struct sender sender[2] = {{.fd = fd, .stop = &stop}, {.fd = fd, .stop = &stop}};
    uint64_t tagged = pairs_only(), total = both_payers();

    bind_to(sink, &at); /* never read: it overflows, and nothing but loopback carries this */
    sender[0].to = sender[1].to = name_of(sink);
    tag_write(the_world, fd, PAYER_ONE, TAG_ONE);
    senders_start(sender, 2);
    run_anywhere();
    flip(tags, fd);
    atomic_store(&stop, true);
    senders_join(sender, 2);
    assert_true(sender[0].sent > 0 && sender[1].sent > 0);
    assert_int_equal(pairs_only() - tagged, sender[0].sent + sender[1].sent);
    assert_int_equal(both_payers() - total, sender[0].sent + sender[1].sent);
    assert_true(tag_sum(the_world, PAYER_ONE, TAG_ONE).tx_packets > 0 &&
                tag_sum(the_world, PAYER_TWO, TAG_TWO).tx_packets > 0);
    assert_int_equal(uid_total(the_world, OWNER).tx_packets, 0);
}

static void test_flipping_tag_is_never_torn(void **state)
{
    (void)state;
    never_torn(flip_and_drop);
}

static void test_flipping_tag_in_place_is_never_torn(void **state)
{
    (void)state;
    never_torn(flip_and_raise);
}

/* Connections whose segments leave by the timer of their pacing, which interrupts whatever else this CPU sends. */
static void paced_connect(struct tcp *tcp)
{
    for (int i = 0; i < PACED; i++) {
        tcp[i] = tcp_connect(the_world, PAYER_ONE, AF_INET, 1);
        assert_return_code(setsockopt(tcp[i].a, SOL_SOCKET, SO_MAX_PACING_RATE, &(unsigned){PACE}, sizeof(unsigned)),
                           errno);
    }
}

/* Keep what they may send full, if more is wanted, and what arrives empty. Returns how far the two are apart. */
static size_t paced_run(struct tcp *tcp, bool more, size_t behind)
{
    static char block[65536];

    for (int i = 0; i < PACED; i++) {
        ssize_t out = more ? send(tcp[i].a, block, sizeof(block), MSG_NOSIGNAL) : 0, in;

        behind += out > 0 ? (size_t)out : 0;
        while ((in = recv(tcp[i].b, block, sizeof(block), 0)) > 0)
            behind -= (size_t)in;
    }
    assert_true(wire_largest(the_world) > 0); /* empties the capture, too */
    return behind;
}

/*
 * Per-CPU: has a program interrupted another one at its rows? Then what it counted went elsewhere. No event makes that
 * happen, so the race goes on for a while to meet it; that nothing is lost then is certain by test_packets.c.
 */
static bool interrupted(void)
{
    return !the_world->options.percpu || map_rows(the_world, TCTL_DIR "/spill") > 0;
}

static void test_process_and_softirq_lose_nothing(void **state)
{
    struct wire_filter filter = {.family = AF_INET, .address = 1};
    struct meter meter = meter_start(the_world, PAYER_ONE, &filter);
    struct udp udp = udp_pair(the_world, PAYER_ONE, AF_INET, 1);
    atomic_bool stop = false;
    struct sender sender[2] = {{.fd = udp.a, .to = udp.at_b, .stop = &stop},
                               {.fd = udp.a, .to = udp.at_b, .stop = &stop}};
    struct tcp tcp[PACED];
    uint64_t start, deadline;
    size_t behind = 0;

    (void)state;
    paced_connect(tcp);
    /* few in flight: a receive queue that overflows behind the capture drops what then cannot be counted */
    assert_return_code(setsockopt(udp.a, SOL_SOCKET, SO_SNDBUF, &(int){IN_FLIGHT}, sizeof(int)), errno);
    senders_start(sender, 2);
    for (start = now_ms(); now_ms() - start < RACE_MS || (now_ms() - start < LONGEST_RACE_MS && !interrupted());)
        behind = paced_run(tcp, true, behind);
    atomic_store(&stop, true);
    senders_join(sender, 2);
    for (deadline = now_ms() + 10000; behind && now_ms() < deadline;)
        behind = paced_run(tcp, false, behind);
    assert_int_equal(behind, 0);
    assert_true(meter_wire(&meter).tx_packets > sender[0].sent + sender[1].sent + 1000);
    meter_exact(
        &meter); /* before the end: on many CPUs packets overtake each other, and an old one may find no socket */
    for (int i = 0; i < PACED; i++)
        tcp_end(&tcp[i], true);
    udp_close(&udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipping_tag_is_never_torn),
        cmocka_unit_test(test_flipping_tag_in_place_is_never_torn),
        cmocka_unit_test(test_process_and_softirq_lose_nothing),
    };

    return run_both("races", tests, ARRAY_SIZE(tests));
}
