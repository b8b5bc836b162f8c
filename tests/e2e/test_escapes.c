/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Ways out of one's own bill that were found, and are closed: who tries one pays all the same, and nobody else does. */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "program.h"
#include "userns.h"

#define USER USERNS_USER
#define OTHER 10077
#define INSIDE USERNS_INSIDE
#define MANY 12000
#define SHARE 3 /* rows per UID where that is tried */
#define LINGERING 6

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct attack {
    union address to;
    uid_t inside;
};

static const struct wire_filter UDP4 = {.family = AF_INET, .protocol = IPPROTO_UDP};

static int sink_at(int type, union address *ret_to)
{
    union address to = address_of(AF_INET, 0, 0);
    int fd = socket_as(the_world, PLACE_B, 0, AF_INET, type, 0);

    assert_true(fd >= 0);
    bind_to(fd, &to);
    *ret_to = name_of(fd);
    return fd;
}

/* Root of a user namespace may give a socket that was made before it to each UID that the namespace maps. */
static int give_away(int channel, void *arg)
{
    const struct attack *attack = arg;
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = userns_enter(channel);

    for (uid_t uid = 1; r == 0 && uid <= MANY; uid++)
        if (fchown(fd, uid, -1) < 0 || sendto(fd, "x", 1, 0, &attack->to.any, sizeof(attack->to.v4)) != 1)
            r = -errno;
    return r;
}

static void test_given_away_socket_stays_its_makers(void **state)
{
    struct attack attack;
    _cleanup_fd_ int sink = sink_at(SOCK_DGRAM, &attack.to);
    size_t rows = map_rows(the_world, "traffic_app_uid_stats_map");
    struct wire_filter own = {.family = AF_INET, .protocol = IPPROTO_UDP, .address = 1};
    struct meter meter = meter_start(the_world, USER, &own), other;
    struct actor actor;
    struct udp udp;

    (void)state;
    userns_start(give_away, &attack, &actor);
    assert_int_equal(actor_wait(&actor), 0);
    assert_int_equal(meter_wire(&meter).tx_packets, MANY);
    meter_exact(&meter);
    assert_true(map_rows(the_world, "traffic_app_uid_stats_map") <= rows + 1);
    udp = udp_pair(the_world, OTHER, AF_INET, 2);
    other = meter_start(the_world, OTHER, &UDP4);
    udp_send(udp.a, udp.b, 100);
    meter_exact(&other);
    udp_close(&udp);
}

static void test_sockets_of_the_kernel_belong_to_their_network(void **state)
{
    struct tctl_counters before = uid_total(the_world, USER);
    uint64_t deadline = now_ms() + 10000;
    struct actor actor;

    (void)state;
    userns_start_network(&actor);
    while (uid_total(the_world, USER).tx_packets < before.tx_packets + 2)
        assert_true(now_ms() < deadline);
    assert_false(uid_has_row(the_world, USERNS_OUTSIDE(INSIDE)));
    assert_int_equal(channel_send(actor.channel, 0), 0);
    assert_int_equal(actor_wait(&actor), 0);
}

/* Keys for TCP's MD5 option until the socket may hold no more: then the kernel gives it no storage of ours either. */
static int fill_option_memory(int fd)
{
    struct tcp_md5sig key = {.tcpm_keylen = 4, .tcpm_key = "abcd"};
    struct sockaddr_in *peer = (struct sockaddr_in *)&key.tcpm_addr;

    peer->sin_family = AF_INET;
    for (uint32_t i = 1; i < 100000; i++) {
        peer->sin_addr.s_addr = htonl(0x0b000000 + i);
        if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) < 0)
            return errno == ENOMEM ? 0 : -errno;
    }
    return -EOVERFLOW;
}

/* A socket without storage that is closed with data still to send: nothing tells any more whose it is. */
static int linger(int channel, void *arg)
{
    static const char block[1 << 20];
    const struct attack *attack = arg;
    uint64_t word;
    int fd, r = userns_enter(channel);

    if (r == 0 && setresuid(attack->inside, attack->inside, 0) < 0)
        r = -errno;
    if (r < 0)
        return r;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r = fd < 0 ? -errno : fill_option_memory(fd);
    if (r < 0 || connect(fd, &attack->to.any, sizeof(attack->to.v4)) < 0)
        return r ?: -errno;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (send(fd, block, sizeof(block), 0) > 0)
        ;
    close(fd);
    return channel_send(channel, 0) ?: channel_recv(channel, &word);
}

static void read_to_the_end(int listener)
{
    _cleanup_fd_ int fd = accept_as(the_world, PLACE_B, 0, listener);
    static char block[1 << 16];
    ssize_t got;

    assert_true(fd >= 0);
    do {
        wait_for(fd, POLLIN);
        got = read(fd, block, sizeof(block));
    } while (got > 0);
    assert_int_equal(got, 0);
}

static void test_sockets_without_storage_share_one_share(void **state)
{
    struct attack attack;
    _cleanup_fd_ int listener = sink_at(SOCK_STREAM, &attack.to);
    size_t rows = 0;
    struct actor actor;
    uint64_t word;

    (void)state;
    assert_return_code(listen(listener, 1), errno);
    for (int i = 0; i < LINGERING; i++) {
        attack.inside = INSIDE + i;
        userns_start(linger, &attack, &actor);
        assert_int_equal(channel_recv(actor.channel, &word), 0);
        read_to_the_end(listener);
        assert_int_equal(channel_send(actor.channel, 0), 0);
        assert_int_equal(actor_wait(&actor), 0);
        rows += uid_has_row(the_world, USERNS_OUTSIDE(INSIDE + i));
    }
    assert_int_equal(rows, SHARE);
}

/* An accepted MPTCP socket with a cookie of its own: its tag goes with it. */
static void test_tag_of_an_accepted_mptcp_socket_goes_with_it(void **state)
{
    int listener = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    int peer = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, IPPROTO_MPTCP), accepted;
    union address at = address_of(AF_INET, 1, 0);

    (void)state;
    if (listener < 0 || peer < 0)
        skip_because("this kernel has no MPTCP", false);
    bind_to(listener, &at);
    assert_return_code(listen(listener, 1), errno);
    at = name_of(listener);
    assert_true(connect(peer, &at.any, sizeof(at.v4)) == 0 || errno == EINPROGRESS);
    accepted = accept_as(the_world, PLACE_A, USER, listener);
    assert_true(accepted >= 0);
    assert_int_not_equal(cookie_of(accepted), cookie_of(listener));
    tag_write(the_world, accepted, USER, 77);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 1);
    fd_close(accepted);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
    fd_close(listener);
    fd_close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_away_socket_stays_its_makers),
        cmocka_unit_test(test_sockets_of_the_kernel_belong_to_their_network),
        cmocka_unit_test(test_tag_of_an_accepted_mptcp_socket_goes_with_it),
    };
    const struct CMUnitTest shares[] = {
        cmocka_unit_test(test_sockets_without_storage_share_one_share),
    };
    const struct world_options options = {.config = "rows_per_uid = 3\n"};
    int failed = run_both("escapes", tests, ARRAY_SIZE(tests));

    return failed + run_world("escapes, few rows each", shares, ARRAY_SIZE(shares), &options);
}
