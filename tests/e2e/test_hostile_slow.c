/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Peers of fwmarkd that do not say what they want, say half of it, or say it without end. */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "hostile.h"
#include "meter.h"

#define PEERS 500
#define HALF_MESSAGES 10000
#define UIDS 8
#define MANY_UIDS 24
#define SHARE 62 /* connections of one UID that leave room for an honest one, of 64 */
#define FLOOD_REQUESTS 400

/* -- slow peers -- */

struct slow_peer {
    int fd;
    bool drips; /* a byte each second, else silent */
    uint64_t since_ms;
};

struct slow {
    unsigned peers;
    unsigned cut_off; /* connections that trafficd ended after it had waited for them */
    struct slow_peer peer[PEERS];
};

static int slow_connect(struct slow_peer *peer)
{
    peer->fd = knock();
    peer->since_ms = clock_ms();
    return peer->fd < 0 ? peer->fd : 0;
}

/* Each end comes with a reply. Who had its time connects anew at once; who gave way to others, with the next second. */
static int slow_ended(struct slow *slow, struct slow_peer *peer)
{
    int32_t reply;
    int r = reply_of(peer->fd, &reply);

    peer->fd = fd_close(peer->fd);
    if (r < 0)
        return r;
    if (reply == -EAGAIN)
        return 0;
    if (reply >= 0 || clock_ms() - peer->since_ms > CUT_OFF_MS)
        return -ETIME;
    slow->cut_off++;
    return slow_connect(peer);
}

static int slow_second(struct slow *slow)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < slow->peers; i++) {
        struct slow_peer *peer = &slow->peer[i];

        if (peer->fd < 0)
            r = slow_connect(peer);
        else if (peer->drips)
            send(peer->fd, "", 1, MSG_NOSIGNAL);
        if (peer->fd >= 0 && clock_ms() - peer->since_ms > CUT_OFF_MS)
            r = -ETIME;
    }
    return r;
}

/* Until something happens to a peer or over the channel, or the second is over. */
static int slow_look(struct slow *slow, int channel, uint64_t until_ms, bool *ret_over)
{
    struct pollfd ready[PEERS + 1] = {{.fd = channel, .events = POLLIN}};
    uint64_t now = clock_ms();
    int r = 0;

    for (unsigned i = 0; i < slow->peers; i++)
        ready[i + 1] = (struct pollfd){.fd = slow->peer[i].fd, .events = POLLIN};
    if (poll(ready, slow->peers + 1, now < until_ms ? (int)(until_ms - now) : 0) < 0)
        return -errno;
    *ret_over = ready[0].revents;
    for (unsigned i = 0; r == 0 && i < slow->peers; i++)
        if (ready[i + 1].revents)
            r = slow_ended(slow, &slow->peer[i]);
    return r;
}

/* arg: how many peers. In position when all have connected; another word when the first has had its time. */
static int slow_peers(int channel, void *arg)
{
    _cleanup_free_ struct slow *slow = calloc(1, sizeof(*slow));
    bool over = false, told = false;
    int r = raise_nofile();

    if (!slow)
        return -ENOMEM;
    slow->peers = *(const unsigned *)arg;
    for (unsigned i = 0; r == 0 && i < slow->peers; i++) {
        slow->peer[i].drips = i % 2;
        r = slow_connect(&slow->peer[i]);
    }
    r = r ?: say_word(channel);
    for (uint64_t second = clock_ms() + 1000; r == 0 && !over;) {
        r = slow_look(slow, channel, second, &over);
        if (r == 0 && clock_ms() >= second) {
            r = slow_second(slow);
            second += 1000;
        }
        if (r == 0 && slow->cut_off > 0 && !told) {
            told = true;
            r = say_word(channel);
        }
    }
    return r;
}

static void test_slow_peers_of_one_user(void **state)
{
    static const unsigned ALL = PEERS;

    (void)state;
    hostile_start(ATTACKER_UID, slow_peers, (void *)&ALL);
    hostile_wait();
    honest_go_on(2000);
    hostile_end();
}

static void test_slow_peers_of_eight_users(void **state)
{
    static const unsigned SOME = PEERS / UIDS;

    (void)state;
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, slow_peers, (void *)&SOME);
    hostile_wait();
    honest_go_on(500);
    hostile_wait();
    honest_go_on(500);
    hostile_end();
}

/* More than trafficd has room for in all: whoever has something to say is served all the same. */
static void test_slow_peers_of_many_users(void **state)
{
    static const unsigned SOME = SHARE;

    (void)state;
    for (unsigned i = 0; i < MANY_UIDS; i++)
        hostile_start(ATTACKER_UID + i, slow_peers, (void *)&SOME);
    hostile_wait();
    honest_go_on(500);
    hostile_end();
}

/* -- half messages -- */

#define HALVES (HALF_MESSAGES / UIDS)

/* As fast as can be; nothing is closed until all have their reply. */
static int half_messages(int channel, void *arg)
{
    static int connection[HALVES];
    uint64_t start = clock_ms();
    int r = raise_nofile();

    (void)arg;
    for (int i = 0; r == 0 && i < HALVES; i++) {
        connection[i] = knock();
        r = connection[i] < 0 ? connection[i] : 0;
        if (r == 0)
            hand_in(connection[i], &TAG, sizeof(TAG) / 2, NULL, 0);
    }
    for (int i = 0; r == 0 && i < HALVES; i++) {
        int32_t reply;

        r = reply_of(connection[i], &reply);
        if (r == 0 && (reply >= 0 || clock_ms() - start > CUT_OFF_MS))
            r = -EPROTO;
    }
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

/* Twenty times a UID's share: who has waited longest of that UID makes room, the namesake too. */
static void test_half_messages(void **state)
{
    (void)state;
    hostile_may_refuse_namesake();
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, half_messages, NULL);
    honest_go_on(500);
    hostile_wait();
    hostile_end();
}

/* -- replies that nobody reads -- */

#define UNREAD 200

static int leave_unread(int channel, void *arg)
{
    static struct pollfd connection[UNREAD];
    int r = raise_nofile();

    (void)arg;
    for (int i = 0; r == 0 && i < UNREAD; i++) {
        connection[i] = (struct pollfd){.fd = knock(), .events = POLLIN};
        r = connection[i].fd < 0 ? connection[i].fd : 0;
        if (r == 0)
            hand_in(connection[i].fd, &TAG, sizeof(TAG) / 2, NULL, 0);
    }
    for (int i = 0; r == 0 && i < UNREAD; i++)
        r = poll(&connection[i], 1, CUT_OFF_MS) == 1 ? 0 : -ETIMEDOUT;
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

/* A service of root's without root's rights: the kernel counts what root has under way against its open files. */
static int pass_descriptor(int channel, void *arg)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    const struct rlimit few = {256, 256};
    int pair[2];

    (void)channel;
    (void)arg;
    if (syscall(SYS_capset, &head, none) < 0 || setrlimit(RLIMIT_NOFILE, &few) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    return hand_in(pair[0], "", 1, &pair[0], 1);
}

static void test_unread_replies_cost_nobody_anything(void **state)
{
    (void)state;
    assert_int_equal(as_uid(the_world, PLACE_A, 0, pass_descriptor, NULL), 0);
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, leave_unread, NULL);
    hostile_wait();
    assert_int_equal(as_uid(the_world, PLACE_A, 0, pass_descriptor, NULL), 0);
    honest_go_on(100);
    hostile_end();
}

/* -- peers that do odd things with their end -- */

/* A byte out of band makes the socket readable without anything to read. */
static int send_out_of_band(int connection)
{
    return send(connection, "", 1, MSG_OOB | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int shut_down(int connection)
{
    return shutdown(connection, SHUT_RDWR) < 0 ? -errno : 0;
}

static int half_and_out_of_band(int connection)
{
    return hand_in(connection, &TAG, sizeof(TAG) / 2, NULL, 0) ?: send_out_of_band(connection);
}

/* The connection itself: its end is now in trafficd's hands. */
static int hand_in_itself(int connection)
{
    return hand_in(connection, &TAG, sizeof(TAG) / 2, &connection, 1);
}

static int half_and_end(int connection)
{
    return hand_in(connection, &TAG, sizeof(TAG) / 2, NULL, 0) ?: shutdown(connection, SHUT_WR) < 0 ? -errno : 0;
}

static int reads_no_reply(int connection)
{
    return hand_in(connection, &TAG, sizeof(TAG), NULL, 0);
}

static int (*const ODD_THINGS[])(int connection) = {
    send_out_of_band, half_and_out_of_band, shut_down, hand_in_itself, half_and_end, reads_no_reply,
};

static int odd_peers(int channel, void *arg)
{
    int connection[SHARE], r = 0;

    (void)arg;
    for (size_t i = 0; r == 0 && i < SHARE; i++) {
        connection[i] = knock();
        r = connection[i] < 0 ? connection[i] : ODD_THINGS[i % ARRAY_SIZE(ODD_THINGS)](connection[i]);
        if (r == -EPIPE)
            r = 0;
        /* every second one is left to trafficd alone */
        if (r == 0 && i / ARRAY_SIZE(ODD_THINGS) % 2)
            fd_close(connection[i]);
    }
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void test_odd_peers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, odd_peers, NULL);
    hostile_wait();
    honest_go_on(1000);
    hostile_end();
}

/* -- floods -- */

static int flood_once(unsigned turn)
{
    _cleanup_fd_ int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), connection = knock();

    if (connection < 0)
        return connection;
    if (turn % 4 > 0)
        hand_in(connection, &TAG, sizeof(TAG), &socket_fd, 1);
    if (turn % 4 > 1) {
        int32_t reply;

        return reply_of(connection, &reply);
    }
    return 0;
}

/* Requests, requests without waiting for the reply, connections without a request. */
static int flood(int channel, void *arg)
{
    int r = say_word(channel);

    (void)arg;
    for (unsigned turn = 0; r == 0; turn++) {
        uint64_t word;

        if (recv(channel, &word, sizeof(word), MSG_DONTWAIT) == 0)
            return 0;
        r = flood_once(turn);
    }
    return r;
}

static void test_flood_of_connections(void **state)
{
    (void)state;
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, flood, NULL);
    hostile_wait();
    honest_go_on(FLOOD_REQUESTS);
    hostile_end();
}

/* Killed in the middle of whatever they did; again and again. */
static void test_killed_peers(void **state)
{
    static const unsigned SOME = SHARE;

    (void)state;
    for (unsigned turn = 0; turn < 10; turn++) {
        for (unsigned i = 0; i < UIDS; i += 2) {
            hostile_start(ATTACKER_UID + i, flood, NULL);
            hostile_start(ATTACKER_UID + i + 1, slow_peers, (void *)&SOME);
        }
        hostile_wait();
        hostile_kill();
        honest_go_on(50);
    }
    hostile_end();
}

#define HOSTILE(test) cmocka_unit_test_setup_teardown(test, hostile_setup, hostile_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE(test_slow_peers_of_one_user),
        HOSTILE(test_slow_peers_of_eight_users),
        HOSTILE(test_slow_peers_of_many_users),
        HOSTILE(test_half_messages),
        HOSTILE(test_unread_replies_cost_nobody_anything),
        HOSTILE(test_odd_peers),
        HOSTILE(test_flood_of_connections),
        HOSTILE(test_killed_peers),
    };

    return run_world("hostile, slow", tests, ARRAY_SIZE(tests), &(struct world_options){.no_daemon = true});
}
