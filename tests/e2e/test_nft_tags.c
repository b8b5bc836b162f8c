/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * netd's protocol where nf_tables counts: there are no tags, whoever asks for them. What is no message, or comes
 * without a socket, is answered as anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/tag.h>

#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"
#include "nft_kit.h"

#define USER FREE
#define CONNECTIONS 64 /* of one user */
#define SHORT FWMARK_REQUEST_SHORT
#define LONG FWMARK_REQUEST_LONG

static const struct fwmark_caller CALLERS[] = {{USER, USER, 0, 0}, {0, 0, 0, 0}};

/* By our own reckoning. */
static int expected(uint32_t id, size_t size, size_t sockets)
{
    if (!fwmark_length_is_right(id, size))
        return -EBADMSG;
    if (id == FWMARK_QUERY_USER_ACCESS)
        return -EOPNOTSUPP;
    if ((id == FWMARK_COUNTER_SET || id == FWMARK_DELETE) && size == SHORT)
        return -EOPNOTSUPP;
    if (sockets != 1)
        return -EBADF;
    if (id == FWMARK_TAG || id == FWMARK_UNTAG || (id >= FWMARK_SELECT_NETWORK && id <= FWMARK_SELECT_FOR_USER))
        return -EOPNOTSUPP;
    return id <= 13 ? 0 : -EPROTO;
}

static void try_one(const struct fwmark_caller *caller, struct fwmark_request request)
{
    int reply = fwmark_ask(caller, &request), wanted = expected(request.id, request.size, request.count);

    if (reply != wanted)
        fail_msg("command %u, %zu bytes, %zu descriptors, uid %u: reply %d, expected %d", request.id, request.size,
                 request.count, caller->uid, reply, wanted);
}

static void try_all(const struct fwmark_caller *caller, const int *fd, size_t sockets)
{
    static const size_t SIZES[] = {1, 15, SHORT, 17, 51, LONG, 53};
    static const uint32_t IDS[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255, 0xFFFFFFFF};

    for (size_t i = 0; i < ARRAY_SIZE(IDS); i++)
        for (size_t j = 0; j < ARRAY_SIZE(SIZES); j++)
            try_one(caller,
                    (struct fwmark_request){
                        .id = IDS[i], .uid = caller->uid, .info = 1, .size = SIZES[j], .fd = fd, .count = sockets});
}

static void test_every_command(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET6, SOCK_STREAM, 0);
    const int both[] = {fd, fd};

    (void)state;
    size_t descriptors = fwmark_descriptors();
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++)
        for (size_t sockets = 0; sockets <= ARRAY_SIZE(both); sockets++)
            try_all(&CALLERS[i], both, sockets);
    fwmark_no_more_than(descriptors);
}

/* That it is one of our families is asked before there is anything to refuse. */
static void test_other_descriptors(void **state)
{
    _cleanup_fd_ int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    _cleanup_fd_ int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++) {
        assert_int_equal(fwmark_tag(&CALLERS[i], file, FWMARK_CALLER, 1), -ENOTSOCK);
        assert_int_equal(fwmark_untag(&CALLERS[i], file), -ENOTSOCK);
        assert_int_equal(fwmark_tag(&CALLERS[i], local, FWMARK_CALLER, 1), -EAFNOSUPPORT);
        assert_int_equal(fwmark_untag(&CALLERS[i], local), -EAFNOSUPPORT);
    }
}

static void test_library(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_int_equal(tctl_tag(the_world->fwmarkd, fd, TCTL_MYSELF, 7), -EOPNOTSUPP);
    assert_int_equal(tctl_untag(the_world->fwmarkd, fd), -EOPNOTSUPP);
    assert_int_equal(tctl_counter_set(the_world->fwmarkd, USER, 1), -EOPNOTSUPP);
    assert_int_equal(tctl_delete_tag_data(the_world->fwmarkd, USER, 7), -EOPNOTSUPP);
    assert_int_equal(tctl_tag(the_world->fwmarkd, STDIN_FILENO, TCTL_MYSELF, 7), -ENOTSOCK);
}

/* Who asks is known, though nothing that he asks for is done. */
static void test_connections_of_one_user_are_limited(void **state)
{
    int waiting[CONNECTIONS];
    _cleanup_fd_ int other = fwmark_connect(FWMARK_USER(STRANGER));

    (void)state;
    for (size_t i = 0; i < CONNECTIONS; i++)
        waiting[i] = fwmark_connect(FWMARK_USER(USER));
    assert_int_equal(fwmark_reply(waiting[0], 100), FWMARK_NOTHING);
    int more = fwmark_connect(FWMARK_USER(USER));
    assert_int_equal(fwmark_reply(waiting[0], FWMARK_PATIENCE_MS), -EAGAIN);
    assert_int_equal(fwmark_reply(other, 0), FWMARK_NOTHING);
    for (size_t i = 0; i < CONNECTIONS; i++)
        fd_close(waiting[i]);
    fd_close(more);
}

static void refuses(const char *words)
{
    wall_refuses(1, "nf_tables", NULL, words);
}

static void test_commands(void **state)
{
    char words[64];

    (void)state;
    snprintf(words, sizeof(words), "tag --pid %d --fd %d --tag 7", getpid(), the_world->notify);
    refuses(words);
    refuses("counterset 10002 1");
    refuses("delete-tag-data 10002 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command), cmocka_unit_test(test_other_descriptors),
        cmocka_unit_test(test_library),       cmocka_unit_test(test_connections_of_one_user_are_limited),
        cmocka_unit_test(test_commands),
    };

    return run_world("tags where nf_tables counts", tests, ARRAY_SIZE(tests), &NFT_WORLD);
}
