/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Many at once: a tag that flips under two senders, process and softirq context on the same rows. */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

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

/* Write one of two pairs, then drop the stored answer, a million times. */
static void flip(int fd)
{
    static const struct tctl_tag pair[2] = {{PAYER_ONE, TAG_ONE}, {PAYER_TWO, TAG_TWO}};
    _cleanup_fd_ int tags = world_map(the_world, "traffic_cookie_tag_map");
    _cleanup_fd_ int storage = world_map(the_world, TCTL_DIR "/socket_storage");
    uint64_t cookie = cookie_of(fd);

    for (int i = 0; i < FLIPS; i++) {
        assert_int_equal(bpf_map_update_elem(tags, &cookie, &pair[i & 1], BPF_ANY), 0);
        bpf_map_delete_elem(storage, &fd);
    }
}

/* Only the two pairs that ever were, and the UIDs they name, may have been charged. Returns the packets of both. */
static uint64_t pairs_only(void)
{
    _cleanup_free_ struct tctl_detail_row *row = NULL;
    size_t count = 0;
    uint64_t tagged = 0;

    assert_int_equal(tctl_read_details(the_world->traffic, NULL, &row, &count), 0);
    for (size_t i = 0; i < count; i++) {
        bool one = row[i].uid == PAYER_ONE && row[i].tag == TAG_ONE, two = row[i].uid == PAYER_TWO && row[i].tag == TAG_TWO;

        if (!row[i].tag)
            continue;
        if (!one && !two)
            fail_msg("charged to uid %u tag %u, a pair that never was", row[i].uid, row[i].tag);
        tagged += row[i].counters.tx_packets;
    }
    return tagged;
}

static void test_flipping_tag_is_never_torn(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, OWNER, AF_INET, SOCK_DGRAM, 0);
    _cleanup_fd_ int sink = socket_as(the_world, PLACE_A, OWNER, AF_INET, SOCK_DGRAM, 0);
    union address at = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    atomic_bool stop = false;
    struct sender sender[2] = {{.fd = fd, .stop = &stop}, {.fd = fd, .stop = &stop}};

    (void)state;
    bind_to(sink, &at); /* never read: it overflows, and nothing but loopback carries this */
    sender[0].to = sender[1].to = name_of(sink);
    tag_write(the_world, fd, PAYER_ONE, TAG_ONE);
    senders_start(sender, 2);
    flip(fd);
    atomic_store(&stop, true);
    senders_join(sender, 2);
    assert_true(sender[0].sent > 0 && sender[1].sent > 0);
    assert_int_equal(pairs_only(), sender[0].sent + sender[1].sent);
    assert_true(tag_sum(the_world, PAYER_ONE, TAG_ONE).tx_packets > 0 && tag_sum(the_world, PAYER_TWO, TAG_TWO).tx_packets > 0);
    assert_int_equal(uid_total(the_world, OWNER).tx_packets, 0);
    assert_int_equal(uid_total(the_world, PAYER_ONE).tx_packets + uid_total(the_world, PAYER_TWO).tx_packets,
                     sender[0].sent + sender[1].sent);
}

/* TCP answers in softirq what UDP of the same UID may just be counting, on rows that both share. */
static void test_process_and_softirq_lose_nothing(void **state)
{
    struct wire_filter filter = {.family = AF_INET, .address = 1};
    struct meter meter = meter_start(the_world, PAYER_ONE, &filter);
    struct tcp tcp = tcp_connect(the_world, PAYER_ONE, AF_INET, 1);
    struct udp udp = udp_pair(the_world, PAYER_ONE, AF_INET, 1);
    atomic_bool stop = false;
    struct sender sender[2] = {{.fd = udp.a, .to = udp.at_b, .stop = &stop, .limit = 100000},
                               {.fd = udp.a, .to = udp.at_b, .stop = &stop, .limit = 100000}};

    (void)state;
    senders_start(sender, 2);
    transfer(tcp.a, tcp.b, 20000000, 1 << 16);
    transfer(tcp.b, tcp.a, 20000000, 1 << 16);
    senders_join(sender, 2);
    assert_true(meter_wire(&meter).tx_packets > 200000);
    meter_exact(&meter); /* before the end: on many CPUs packets overtake each other, and an old one may find no socket */
    tcp_end(&tcp, true);
    udp_close(&udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipping_tag_is_never_torn),
        cmocka_unit_test(test_process_and_softirq_lose_nothing),
    };

    return run_both("races", tests, ARRAY_SIZE(tests));
}
