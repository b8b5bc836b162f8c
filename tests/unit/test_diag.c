/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the kernel says about ended sockets, and when to look for those it said nothing about. */
#include "unit.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "cleanup.h"
#include "diag.h"
#include "resync.h"

#define ROUTINE_MS 30000
#define COOKIE UINT64_C(0x123456789abcdef0)

/* As the kernel sends it: the socket, then attributes. */
struct message {
    struct nlmsghdr header;
    struct inet_diag_msg socket;
    char attributes[12];
};

static struct message message_of(uint64_t cookie)
{
    struct message message = {
        .header = {.nlmsg_len = sizeof(message), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
        .socket = {.idiag_family = 2, .id.idiag_cookie = {(uint32_t)cookie, (uint32_t)(cookie >> 32)}},
    };
    return message;
}

struct told {
    uint64_t cookie[4];
    size_t count;
};

static void gone(uint64_t cookie, void *data)
{
    struct told *told = data;
    assert_true(told->count < ARRAY_SIZE(told->cookie));
    told->cookie[told->count++] = cookie;
}

/* From memory of exactly that size, so that the sanitizer sees a byte too far. */
static int read_copy(const void *messages, size_t length, struct told *told)
{
    _cleanup_free_ char *copy = malloc(length ?: 1);
    assert_non_null(copy);
    memcpy(copy, messages, length);
    *told = (struct told){0};
    return diag_read(copy, length, gone, told);
}

static void diag_tells_the_cookie(void **state)
{
    (void)state;
    struct message message = message_of(COOKIE);
    struct told told;
    assert_int_equal(read_copy(&message, sizeof(message), &told), 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.cookie[0], COOKIE);
}

static void diag_tells_every_message(void **state)
{
    (void)state;
    struct message messages[] = {message_of(1), message_of(UINT64_MAX), message_of(COOKIE)};
    struct told told;
    assert_int_equal(read_copy(messages, sizeof(messages), &told), 0);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.cookie[0], 1);
    assert_int_equal(told.cookie[1], UINT64_MAX);
    assert_int_equal(told.cookie[2], COOKIE);
    assert_int_equal(read_copy(messages, 0, &told), 0);
    assert_int_equal(told.count, 0);
}

static void diag_sees_what_is_cut(void **state)
{
    (void)state;
    struct message messages[] = {message_of(1), message_of(2)};
    struct told told;
    for (size_t length = 1; length < sizeof(messages); length++) {
        if (length == sizeof(messages[0]))
            continue;
        assert_int_equal(read_copy(messages, length, &told), -EBADMSG);
        assert_int_equal(told.count, length > sizeof(messages[0]));
    }
}

static void diag_believes_no_wrong_length(void **state)
{
    (void)state;
    const uint32_t wrong[] = {0,
                              1,
                              sizeof(struct nlmsghdr) - 1,
                              sizeof(struct nlmsghdr),
                              NLMSG_LENGTH(sizeof(struct inet_diag_msg)) - 1,
                              sizeof(struct message) + 1,
                              INT32_MAX,
                              UINT32_MAX};
    struct told told;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct message message = message_of(COOKIE);
        message.header.nlmsg_len = wrong[i];
        assert_int_equal(read_copy(&message, sizeof(message), &told), -EBADMSG);
        assert_int_equal(told.count, 0);
    }
}

static void diag_sees_another_kind(void **state)
{
    (void)state;
    const uint16_t others[] = {NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN, SOCK_DESTROY};
    struct told told;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct message messages[] = {message_of(1), message_of(2)};
        messages[1].header.nlmsg_type = others[i];
        assert_int_equal(read_copy(messages, sizeof(messages), &told), -EBADMSG);
        assert_int_equal(told.count, 1);
    }
}

static void resync_looks_at_once_when_it_never_did(void **state)
{
    (void)state;
    struct resync resync = {0};
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 5), 0);
}

static void resync_looks_as_a_routine(void **state)
{
    (void)state;
    struct resync resync = {0};
    resync_looked(&resync, 5000, 0, false);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 5000), ROUTINE_MS);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 15000), ROUTINE_MS - 10000);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 5000 + ROUTINE_MS), 0);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, UINT64_MAX), 0);
}

static void resync_looks_twice_when_some_were_missed(void **state)
{
    (void)state;
    struct resync resync = {0};
    resync_looked(&resync, 5000, 0, false);
    resync_want(&resync);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 5400), 600);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 9000), 0);
    resync_looked(&resync, 9000, 0, false);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 9000), RESYNC_APART_MS);
    resync_looked(&resync, 10000, 0, false);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 10000), ROUTINE_MS);
}

static void resync_looks_on_while_it_finds_some(void **state)
{
    (void)state;
    struct resync resync = {0};
    resync_looked(&resync, 5000, 0, true); /* as a routine */
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 5000), RESYNC_APART_MS);
    resync_want(&resync);
    for (uint64_t now_ms = 6000; now_ms <= 10000; now_ms += 1000) {
        resync_looked(&resync, now_ms, 0, true);
        assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, now_ms), RESYNC_APART_MS);
    }
    resync_looked(&resync, 11000, 0, false);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 11000), ROUTINE_MS);
}

static void resync_takes_a_tenth_of_the_time(void **state)
{
    (void)state;
    struct resync resync = {0};
    resync_want(&resync);
    resync_looked(&resync, 5100, 100, false);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 5100), RESYNC_APART_MS);
    resync_looked(&resync, 11000, 4000, true);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 11000), 40000);
    resync_looked(&resync, 55000, 4000, false);
    assert_int_equal(resync_wait_ms(&resync, ROUTINE_MS, 55000), 40000);
}

static void resync_bounds_a_storm(void **state)
{
    (void)state;
    struct resync resync = {0};
    unsigned looks = 0;
    uint64_t last_ms = 0;
    for (uint64_t now_ms = 1; now_ms <= 20000; now_ms++) {
        if (now_ms <= 10000)
            resync_want(&resync);
        if (resync_wait_ms(&resync, ROUTINE_MS, now_ms) > 0)
            continue;
        resync_looked(&resync, now_ms, 0, false);
        last_ms = now_ms;
        looks++;
    }
    assert_int_equal(looks, 12); /* ten in ten seconds, two after the last that was missed */
    assert_in_range(last_ms, 11000, 12000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diag_tells_the_cookie),
        cmocka_unit_test(diag_tells_every_message),
        cmocka_unit_test(diag_sees_what_is_cut),
        cmocka_unit_test(diag_believes_no_wrong_length),
        cmocka_unit_test(diag_sees_another_kind),
        cmocka_unit_test(resync_looks_at_once_when_it_never_did),
        cmocka_unit_test(resync_looks_as_a_routine),
        cmocka_unit_test(resync_looks_twice_when_some_were_missed),
        cmocka_unit_test(resync_looks_on_while_it_finds_some),
        cmocka_unit_test(resync_takes_a_tenth_of_the_time),
        cmocka_unit_test(resync_bounds_a_storm),
    };
    return unit_run(tests);
}
