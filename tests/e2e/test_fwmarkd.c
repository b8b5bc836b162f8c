/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * netd's protocol, byte for byte: each command in each length with each number of descriptors, what is no message at
 * all, and what trafficd keeps of any of it. Who may do what: test_fwmarkd_rights.c; what sorts of descriptors there
 * are: test_fwmarkd_sockets.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define USER 10001
#define INFO 1 /* as a tag, and as a counter set */
#define SHORT FWMARK_REQUEST_SHORT
#define LONG FWMARK_REQUEST_LONG

/* In this order there is a tag to delete, and one to take away. */
static const uint32_t COMMANDS[] = {0,  1,  2,  3,  4,  5,  6,  7,  9,  10, 7,   8,          9,         11,
                                    12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 255, 0x80000000, 0xFFFFFFFF};

/* What is in the maps for the one socket and the one user, by our own reckoning. */
struct model {
    bool tagged;
    uint8_t set;
};

static int effect(struct model *model, uint32_t id)
{
    bool was = model->tagged;

    if (id == FWMARK_TAG)
        model->tagged = true;
    if (id == FWMARK_UNTAG || id == FWMARK_DELETE)
        model->tagged = false;
    if (id == FWMARK_COUNTER_SET)
        model->set = INFO;
    return id == FWMARK_UNTAG && !was ? -ENOENT : 0;
}

/* sockets: how many of one's own come with it. */
static int expected(struct model *model, uint32_t id, size_t size, size_t sockets, bool root)
{
    if (!fwmark_length_is_right(id, size))
        return -EBADMSG;
    if ((id == FWMARK_COUNTER_SET || id == FWMARK_DELETE) && size == SHORT)
        return root ? effect(model, id) : -EPERM;
    if (id == FWMARK_QUERY_USER_ACCESS)
        return -EOPNOTSUPP;
    if (sockets != 1)
        return -EBADF;
    if (id == FWMARK_TAG || id == FWMARK_UNTAG)
        return effect(model, id);
    if (id >= FWMARK_SELECT_NETWORK && id <= FWMARK_SELECT_FOR_USER)
        return -EOPNOTSUPP;
    return id <= 13 ? 0 : -EPROTO;
}

struct trial {
    const struct fwmark_caller *caller;
    struct model model;
    struct rows rows;
    const int *fd;
    size_t sockets;
};

static void try_one(struct trial *trial, uint32_t id, size_t size)
{
    struct fwmark_request request = {
        .id = id, .uid = USER, .info = INFO, .size = size, .fd = trial->fd, .count = trial->sockets};
    struct model before = trial->model;
    struct rows after;
    int wanted = expected(&trial->model, id, size, trial->sockets, trial->caller->uid == 0);
    int reply = fwmark_ask(trial->caller, &request);

    if (reply != wanted)
        fail_msg("command %u, %zu bytes, %zu descriptors, uid %u: reply %d, expected %d", id, size, trial->sockets,
                 trial->caller->uid, reply, wanted);
    rows_read(the_world, &after);
    if (memcmp(&before, &trial->model, sizeof(before)) == 0 &&
        (wanted < 0 || (id != FWMARK_DELETE && id != FWMARK_TAG)))
        assert_rows_equal(&after, &trial->rows);
    assert_tag(the_world, trial->fd[0], trial->model.tagged ? USER : UINT32_MAX, INFO);
    assert_int_equal(byte_read(the_world, "traffic_uid_counterSet_map", USER), trial->model.set);
    trial->rows = after;
}

static void forget(int fd)
{
    struct tctl_tag tag;

    if (tag_read(the_world, fd, &tag))
        tag_write(the_world, fd, UINT32_MAX, 0);
    if (byte_read(the_world, "traffic_uid_counterSet_map", USER))
        byte_remove(the_world, "traffic_uid_counterSet_map", USER);
}

/* All commands in these lengths. */
static void try_all(const struct fwmark_caller *caller, size_t sockets, const size_t *size, size_t sizes)
{
    size_t descriptors = fwmark_descriptors();
    int fd[253];
    struct trial trial = {.caller = caller, .fd = fd, .sockets = sockets};

    fd[0] = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_STREAM, 0);
    assert_true(fd[0] >= 0);
    for (size_t i = 1; i < sockets; i++)
        fd[i] = fd[0];
    rows_read(the_world, &trial.rows);
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
        for (size_t j = 0; j < sizes; j++)
            try_one(&trial, COMMANDS[i], size[j]);
    forget(fd[0]);
    fd_close(fd[0]);
    fwmark_no_more_than(descriptors);
}

static void test_every_command_in_every_length(void **state)
{
    size_t size[62] = {[60] = 100, [61] = FWMARK_LONGEST};

    (void)state;
    for (size_t i = 0; i < 60; i++)
        size[i] = i + 1;
    for (size_t sockets = 0; sockets <= 1; sockets++) {
        try_all(FWMARK_USER(USER), sockets, size, ARRAY_SIZE(size));
        try_all(FWMARK_ROOT, sockets, size, ARRAY_SIZE(size));
    }
}

static void test_several_descriptors_are_none(void **state)
{
    static const size_t size[] = {15, SHORT, 17, LONG}, sockets[] = {2, 3, 253};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
        try_all(FWMARK_USER(USER), sockets[i], size, ARRAY_SIZE(size));
        try_all(FWMARK_ROOT, sockets[i], size, ARRAY_SIZE(size));
    }
}

static const uint32_t TAG_ME[LONG / sizeof(uint32_t)] = {FWMARK_TAG, 0, FWMARK_CALLER, 5};

/* A message in two parts, the descriptor with either. */
static void test_message_in_parts(void **state)
{
    size_t descriptors = fwmark_descriptors();
    int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_true(fd >= 0);
    for (size_t part = 1; part < SHORT; part++)
        for (size_t with_first = 0; with_first < 2; with_first++) {
            _cleanup_fd_ int connection = fwmark_connect(FWMARK_USER(USER));

            fwmark_send(connection, TAG_ME, part, &fd, with_first);
            assert_int_equal(fwmark_reply(connection, 2), FWMARK_NOTHING);
            fwmark_send(connection, (const char *)TAG_ME + part, SHORT - part, &fd, !with_first);
            assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), 0);
            assert_tag(the_world, fd, USER, 5);
            forget(fd);
        }
    fd_close(fd);
    fwmark_no_more_than(descriptors);
}

/* Each part with a descriptor: two of them. */
static void test_descriptors_of_two_parts_are_two(void **state)
{
    size_t descriptors = fwmark_descriptors();
    int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0), connection;

    (void)state;
    assert_true(fd >= 0);
    connection = fwmark_connect(FWMARK_USER(USER));
    fwmark_send(connection, TAG_ME, 4, &fd, 1);
    fwmark_send(connection, TAG_ME + 1, 12, &fd, 1);
    assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), -EBADF);
    assert_tag(the_world, fd, UINT32_MAX, 0);
    fd_close(connection);
    fd_close(fd);
    fwmark_no_more_than(descriptors);
}

/* The rest of a long message arrives after its first 16 bytes: those are the message. */
static void test_sixteen_bytes_are_judged_at_once(void **state)
{
    const uint32_t message[] = {FWMARK_ON_CONNECT_COMPLETE, 0, 0, 0};
    int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_STREAM, 0), connection;

    (void)state;
    assert_true(fd >= 0);
    connection = fwmark_connect(FWMARK_USER(USER));
    fwmark_send(connection, message, sizeof(message), &fd, 1);
    assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), -EBADMSG);
    fd_close(connection);
    fd_close(fd);
}

static void test_end_of_file_instead_of_a_message(void **state)
{
    size_t descriptors = fwmark_descriptors();

    (void)state;
    for (size_t part = 0; part < SHORT; part++) {
        _cleanup_fd_ int connection = fwmark_connect(FWMARK_USER(USER));

        if (part)
            fwmark_send(connection, TAG_ME, part, &the_world->home, 1);
        assert_return_code(shutdown(connection, SHUT_WR), errno);
        assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), part ? -EBADMSG : -ESHUTDOWN);
    }
    fwmark_no_more_than(descriptors);
}

/* Promised: cut off after 5 s, for each at the same time; three times that on a busy machine. */
static void test_waiting_peers_are_cut_off(void **state)
{
    size_t descriptors = fwmark_descriptors();
    int silent = fwmark_connect(FWMARK_USER(USER)), half[SHORT];

    (void)state;
    for (size_t part = 1; part < SHORT; part++) {
        half[part] = fwmark_connect(FWMARK_USER(USER));
        fwmark_send(half[part], TAG_ME, part, &the_world->home, part % 2);
    }
    assert_int_equal(fwmark_reply(silent, 4000), FWMARK_NOTHING);
    for (size_t part = 1; part < SHORT; part++)
        assert_int_equal(fwmark_reply(half[part], 0), FWMARK_NOTHING);
    assert_int_equal(fwmark_reply(silent, 15000 - 4000), -ETIMEDOUT);
    for (size_t part = 1; part < SHORT; part++) {
        assert_int_equal(fwmark_reply(half[part], 1000), -EBADMSG);
        fd_close(half[part]);
    }
    fd_close(silent);
    fwmark_no_more_than(descriptors);
}

/* Whoever sends byte after byte gets no more time than that either. */
static void test_dripping_peer_is_cut_off(void **state)
{
    int connection = fwmark_connect(FWMARK_USER(USER)), reply = FWMARK_NOTHING;
    uint64_t start = now_ms();
    size_t sent = 0;

    (void)state;
    while (reply == FWMARK_NOTHING && sent < SHORT - 1) {
        fwmark_send(connection, (const char *)TAG_ME + sent++, 1, NULL, 0);
        reply = fwmark_reply(connection, 900);
    }
    assert_int_equal(reply, -EBADMSG);
    assert_true(now_ms() - start >= 4000);
    fd_close(connection);
}

/* Peers that go before they are answered, and a peer that hands over the connection itself. */
static void test_peers_that_are_gone(void **state)
{
    const struct linger at_once = {.l_onoff = 1};
    size_t descriptors = fwmark_descriptors();
    pid_t server = fwmark_server();

    (void)state;
    for (int i = 0; i < 200; i++) {
        int connection = fwmark_connect(FWMARK_USER(USER));

        assert_return_code(setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), errno);
        fwmark_send(connection, TAG_ME, i % 3 ? SHORT : 8, &connection, i % 2);
        fd_close(connection);
    }
    fwmark_no_more_than(descriptors);
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER, 0), 0);
    assert_int_equal(fwmark_server(), server); /* no other had to take over */
}

/* The socket is closed by all but trafficd when it is tagged, or before: no tag outlives it. */
static void test_sockets_that_are_gone(void **state)
{
    uint64_t start;

    (void)state;
    for (int i = 0; i < 200; i++) {
        int connection = fwmark_connect(FWMARK_USER(USER)),
            fd = socket_as(the_world, PLACE_A, USER, AF_INET, i % 2 ? SOCK_DGRAM : SOCK_STREAM, 0);

        assert_true(fd >= 0);
        fwmark_send(connection, TAG_ME, SHORT, &fd, 1);
        fd_close(fd);
        if (i % 3)
            assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), 0);
        fd_close(connection);
    }
    start = now_ms();
    while (map_rows(the_world, "traffic_cookie_tag_map") && now_ms() - start < 3000)
        usleep(1000);
    assert_int_equal(map_rows(the_world, "traffic_cookie_tag_map"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_in_every_length),
        cmocka_unit_test(test_several_descriptors_are_none),
        cmocka_unit_test(test_message_in_parts),
        cmocka_unit_test(test_descriptors_of_two_parts_are_two),
        cmocka_unit_test(test_sixteen_bytes_are_judged_at_once),
        cmocka_unit_test(test_end_of_file_instead_of_a_message),
        cmocka_unit_test(test_waiting_peers_are_cut_off),
        cmocka_unit_test(test_dripping_peer_is_cut_off),
        cmocka_unit_test(test_peers_that_are_gone),
        cmocka_unit_test(test_sockets_that_are_gone),
    };

    return run_shared("fwmarkd", tests, ARRAY_SIZE(tests));
}
