/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Peers of fwmarkd whose descriptors make who closes them wait, or are no sockets at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fd.h"
#include "hostile.h"
#include "hostile_things.h"
#include "meter.h"

#define UIDS 8
#define LONGEST 52 /* bytes of the longest message */

/* -- volleys of lingering sockets -- */

/* What each of eight users has ready, and then does at once with every connection. */
struct volley {
    size_t connections;
    size_t descriptors; /* for each connection */
    int (*fire)(int connection, const int *fds, size_t count, unsigned turn);
};

static int fire_one(const struct volley *volley, int connection, int *fds, unsigned turn)
{
    int r = volley->fire(connection, fds, volley->descriptors, turn);

    close_lingering(fds, volley->descriptors);
    return r == -EPIPE ? 0 : r; /* trafficd was quicker */
}

static int fire_all(const struct volley *volley, int *connection, int *fds)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < volley->connections; i++) {
        connection[i] = knock();
        r = connection[i] < 0 ? connection[i]
                              : fire_one(volley, connection[i], fds + i * volley->descriptors, (unsigned)i);
    }
    return r;
}

/* Who is refused may be given back the descriptors with the reply, and drops them then and there. */
static int any_reply(int connection)
{
    int32_t reply;
    int r;

    waiting_cut_short(true);
    r = reply_of(connection, &reply);
    waiting_cut_short(false);
    return r;
}

static int volley(int channel, void *arg)
{
    const struct volley *volley = arg;
    _cleanup_free_ int *connection = calloc(volley->connections, sizeof(int));
    _cleanup_free_ int *fds = calloc(volley->connections * volley->descriptors, sizeof(int));
    int listener = lingering_listener((int)(volley->connections * volley->descriptors)), r;

    if (!connection || !fds || listener < 0)
        return -ENOMEM;
    r = raise_nofile()
        ?: lingering_sockets(listener, fds, volley->connections * volley->descriptors)
        ?: say_word(channel)
        ?: wait_for_go(channel)
        ?: fire_all(volley, connection, fds);
    for (size_t i = 0; r == 0 && i < volley->connections; i++)
        r = any_reply(connection[i]);
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void fire_volleys(const struct volley *of)
{
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, volley, (void *)of);
    hostile_wait();
    hostile_go();
    honest_go_on(500);
    hostile_wait();
    honest_go_on(100);
    hostile_end();
}

/* Every way a request can end: well, and at each of the checks. */
static int fire_commands(int connection, const int *fds, size_t count, unsigned turn)
{
    static const struct {
        struct message message;
        size_t size;
    } of[] = {
        {{.id = FWMARK_TAG, .uid = FWMARK_CALLER, .info = 1}, sizeof(struct message)},
        {{.id = FWMARK_TAG, .uid = 1, .info = 1}, sizeof(struct message)},
        {{.id = FWMARK_UNTAG}, sizeof(struct message)},
        {{.id = FWMARK_COUNTER_SET, .uid = 1, .info = 1}, sizeof(struct message)},
        {{.id = FWMARK_DELETE, .uid = 1, .info = 1}, sizeof(struct message)},
        {{.id = FWMARK_ON_ACCEPT}, sizeof(struct message)},
        {{.id = FWMARK_SELECT_NETWORK}, sizeof(struct message)},
        {{.id = FWMARK_ON_CONNECT_COMPLETE}, sizeof(struct message)},
        {{.id = 99}, sizeof(struct message)},
        {{.id = FWMARK_TAG}, sizeof(struct message) / 2},
    };

    turn %= ARRAY_SIZE(of);
    return hand_in(connection, &of[turn].message, of[turn].size, fds, count);
}

static void test_lingering_sockets(void **state)
{
    static const struct volley ONE_EACH = {.connections = 60, .descriptors = 1, .fire = fire_commands};

    (void)state;
    fire_volleys(&ONE_EACH);
}

static void test_surplus_lingering_sockets(void **state)
{
    static const struct volley MANY_EACH = {.connections = 8, .descriptors = MESSAGE_FDS, .fire = fire_commands};

    (void)state;
    fire_volleys(&MANY_EACH);
}

/* More and more messages behind the one that is answered: the kernel drops their descriptors with the connection. */
static int fire_queue(int connection, const int *fds, size_t count, unsigned turn)
{
    char bytes[LONGEST + 16] = {0};
    int r = hand_in(connection, &TAG, sizeof(TAG), fds, 1);

    for (size_t i = 1; r == 0 && i < count; i++)
        r = hand_in(connection, bytes, turn % 2 ? sizeof(bytes) : 1, &fds[i], 1);
    return r;
}

static void test_lingering_sockets_behind_the_message(void **state)
{
    static const struct volley QUEUES = {.connections = 40, .descriptors = 20, .fire = fire_queue};

    (void)state;
    fire_volleys(&QUEUES);
}

/* One message of more bytes than the longest has. */
static int fire_long(int connection, const int *fds, size_t count, unsigned turn)
{
    char bytes[LONGEST + 1000] = {0};

    return hand_in(connection, bytes, LONGEST + 1 + turn, fds, count);
}

static void test_lingering_sockets_in_long_messages(void **state)
{
    static const struct volley LONG = {.connections = 40, .descriptors = 20, .fire = fire_long};

    (void)state;
    fire_volleys(&LONG);
}

/* Byte by byte, each with descriptors of its own. */
static int fire_bytes(int connection, const int *fds, size_t count, unsigned turn)
{
    size_t each = count / sizeof(TAG);
    int r = 0;

    (void)turn;
    for (size_t i = 0; r == 0 && i < sizeof(TAG); i++)
        r = hand_in(connection, (const char *)&TAG + i, 1, &fds[i * each], each);
    return r;
}

static void test_lingering_sockets_with_every_byte(void **state)
{
    static const struct volley BYTES = {.connections = 20, .descriptors = 5 * sizeof(TAG), .fire = fire_bytes};

    (void)state;
    fire_volleys(&BYTES);
}

/* In the queue of an AF_UNIX socket, which the kernel empties when that is closed. */
static int fire_nested(int connection, const int *fds, size_t count, unsigned turn)
{
    int nested = unix_full(fds, count), r;

    (void)turn;
    if (nested < 0)
        return nested;
    r = hand_in(connection, &TAG, sizeof(TAG), &nested, 1);
    close_lingering(&nested, 1);
    return r;
}

static void test_lingering_sockets_in_a_socket(void **state)
{
    static const struct volley NESTED = {.connections = 40, .descriptors = 20, .fire = fire_nested};

    (void)state;
    fire_volleys(&NESTED);
}

/* -- all sorts of things -- */

static int thing_alone(const struct thing *thing)
{
    int fd = thing->make(), r;
    int32_t reply;

    if (fd < 0)
        return fprintf(stderr, "%s: not on this kernel (%d)\n", thing->name, -fd) < 0 ? -EIO : 0;
    r = ask(&TAG, fd, &reply);
    fd_close(fd);
    if (r == -EINVAL)
        return 0; /* the kernel refuses to send it */
    if (r == 0 && reply != thing->reply)
        r = fprintf(stderr, "%s: reply %d\n", thing->name, reply) < 0 ? -EIO : -EPROTO;
    return r;
}

/* As the only copies, with the one that is used and beyond it. */
static int things_together(const struct thing *thing)
{
    int fds[40], connection = knock(), r = connection;
    size_t count = 0;
    int32_t reply;

    while (r >= 0 && count < ARRAY_SIZE(fds) && (fds[count] = thing->make()) >= 0)
        count++;
    r = r < 0 ? r : hand_in(connection, &TAG, sizeof(TAG), fds, count);
    close_all(fds, count);
    r = r ?: reply_of(connection, &reply);
    fd_close(connection);
    return r == -EINVAL ? 0 : r;
}

static int all_sorts(int channel, void *arg)
{
    int r = 0;

    (void)arg;
    for (int turn = 0; r == 0 && turn < 4; turn++)
        for (size_t i = 0; r == 0 && i < things_count; i++)
            r = thing_alone(&things[i]) ?: things_together(&things[i]);
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void test_all_sorts_of_descriptors(void **state)
{
    (void)state;
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, all_sorts, NULL);
    hostile_wait();
    honest_go_on(100);
    hostile_end();
}

#define HOSTILE(test) cmocka_unit_test_setup_teardown(test, hostile_setup, hostile_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE(test_lingering_sockets),
        HOSTILE(test_surplus_lingering_sockets),
        HOSTILE(test_lingering_sockets_behind_the_message),
        HOSTILE(test_lingering_sockets_in_long_messages),
        HOSTILE(test_lingering_sockets_with_every_byte),
        HOSTILE(test_lingering_sockets_in_a_socket),
        HOSTILE(test_all_sorts_of_descriptors),
    };

    return run_world("hostile, descriptors", tests, ARRAY_SIZE(tests), &(struct world_options){.no_daemon = true});
}
