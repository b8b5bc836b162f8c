/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who may charge whom, switch counter sets and delete; whose sockets one may untag; how many may wait. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define USER 10001
#define OTHER 10002
#define THIRD 10003
#define ACCOUNTANT 10050
#define GROUP 20001
#define CONNECTIONS 64

#define CONFIG "accounting_uids = 10049,10050\naccounting_group = 20001\n"

static const struct {
    const char *what;
    struct fwmark_caller caller;
    bool may;
} CALLERS[] = {
    {"root", {0}, true},
    {"one of accounting_uids", {ACCOUNTANT, ACCOUNTANT, 0}, true},
    {"by the first group", {10060, GROUP, 0}, true},
    {"by another group", {10061, 10061, GROUP}, true},
    {"by the last of many groups", {10061, 10061, GROUP, 1999}, true},
    {"root in another group", {0, 10061, 10061}, true},
    {"plain", {USER, USER, 0}, false},
    {"another plain", {OTHER, OTHER, 0}, false},
    {"in other groups", {10062, 20000, 20002}, false},
    {"in root's groups", {10063, 0, 0}, false},
    {"with the accountant's number as group", {10064, ACCOUNTANT, ACCOUNTANT}, false},
    {"with the group's number as uid", {GROUP, GROUP + 1, 0}, false},
    {"in many other groups", {10062, 20000, 20002, 1999}, false},
    {"with a container's UID, but in none", {100999, 100999, 0}, false},
};

static void expect(const char *who, const char *what, int reply, int expected)
{
    if (reply != expected)
        fail_msg("%s, %s: reply %d, expected %d", who, what, reply, expected);
}

static int udp_of(uid_t uid)
{
    int fd = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    return fd;
}

static void test_everybody_may_charge_themselves(void **state)
{
    _cleanup_fd_ int fd = udp_of(THIRD);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++) {
        const struct fwmark_caller *caller = &CALLERS[i].caller;
        uint32_t tag = 100 + (uint32_t)i;

        expect(CALLERS[i].what, "as itself", fwmark_tag(caller, fd, FWMARK_CALLER, tag), 0);
        assert_tag(the_world, fd, caller->uid, tag);
        expect(CALLERS[i].what, "by its own uid", fwmark_tag(caller, fd, caller->uid, tag + 100), 0);
        assert_tag(the_world, fd, caller->uid, tag + 100);
    }
}

static void test_accountants_may_charge_others(void **state)
{
    static const uint32_t payers[] = {0, THIRD, 1000000, 0xFFFFFFFE};
    _cleanup_fd_ int fd = udp_of(USER);
    struct rows before, after;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++)
        for (size_t j = 0; j < ARRAY_SIZE(payers); j++) {
            const struct fwmark_caller *caller = &CALLERS[i].caller;
            bool may = CALLERS[i].may || caller->uid == payers[j];

            rows_read(the_world, &before);
            expect(CALLERS[i].what, "for another", fwmark_tag(caller, fd, payers[j], 7), may ? 0 : -EPERM);
            rows_read(the_world, &after);
            if (may)
                assert_tag(the_world, fd, payers[j], 7);
            else
                assert_rows_equal(&after, &before);
        }
}

/* Without the right the value is not even looked at. */
static void test_accountants_may_switch_counter_sets(void **state)
{
    static const uint32_t invalid[] = {2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    static const char map[] = "traffic_uid_counterSet_map";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++) {
        const struct fwmark_caller *caller = &CALLERS[i].caller;
        const char *who = CALLERS[i].what;
        bool may = CALLERS[i].may;

        expect(who, "set 0 where none is", fwmark_counter_set(caller, USER, 0), may ? 0 : -EPERM);
        for (int twice = 0; twice < 2; twice++) {
            expect(who, "set 1", fwmark_counter_set(caller, USER, 1), may ? 0 : -EPERM);
            assert_int_equal(byte_read(the_world, map, USER), may);
        }
        for (size_t j = 0; j < ARRAY_SIZE(invalid); j++)
            expect(who, "a set that is none", fwmark_counter_set(caller, USER, invalid[j]), may ? -EINVAL : -EPERM);
        assert_int_equal(byte_read(the_world, map, USER), may);
        expect(who, "nobody's set", fwmark_counter_set(caller, 0xFFFFFFFF, 1), may ? -EINVAL : -EPERM);
        expect(who, "set 0", fwmark_counter_set(caller, USER, 0), may ? 0 : -EPERM);
        assert_int_equal(map_rows(the_world, map), 0);
    }
}

/* Not even one's own. */
static void test_accountants_may_delete(void **state)
{
    _cleanup_fd_ int fd = udp_of(USER);
    struct rows before, after;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++) {
        const struct fwmark_caller *caller = &CALLERS[i].caller;
        bool may = CALLERS[i].may;

        for (uint32_t tag = 0; tag < 2; tag++) {
            assert_int_equal(fwmark_tag(FWMARK_USER(USER), fd, FWMARK_CALLER, 1), 0);
            rows_read(the_world, &before);
            expect(CALLERS[i].what, "delete", fwmark_delete(caller, USER, tag), may ? 0 : -EPERM);
            assert_tag(the_world, fd, may ? UINT32_MAX : USER, 1);
            rows_read(the_world, &after);
            if (!may)
                assert_rows_equal(&after, &before);
        }
        expect(CALLERS[i].what, "of nobody", fwmark_delete(caller, 0xFFFFFFFF, 0), may ? -EINVAL : -EPERM);
        expect(CALLERS[i].what, "where nothing is", fwmark_delete(caller, 4242, 0), may ? 0 : -EPERM);
    }
}

/* A socket of USER whose tag charges OTHER. */
static void test_who_may_untag(void **state)
{
    _cleanup_fd_ int fd = udp_of(USER);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++) {
        const struct fwmark_caller *caller = &CALLERS[i].caller;
        bool may = CALLERS[i].may || caller->uid == USER || caller->uid == OTHER;

        expect(CALLERS[i].what, "not tagged", fwmark_untag(caller, fd), -ENOENT);
        assert_int_equal(fwmark_tag(FWMARK_ROOT, fd, OTHER, 9), 0);
        expect(CALLERS[i].what, "untag", fwmark_untag(caller, fd), may ? 0 : -EPERM);
        assert_tag(the_world, fd, may ? UINT32_MAX : OTHER, 9);
        if (!may)
            assert_int_equal(fwmark_untag(FWMARK_ROOT, fd), 0);
    }
}

/* SIGHUP says nothing when it is done: ask until the answer is another. */
static void becomes(const struct fwmark_caller *caller, int expected)
{
    uint64_t start = now_ms();

    while (fwmark_counter_set(caller, THIRD, 0) != expected)
        if (now_ms() - start > 3000)
            fail_msg("uid %u, gid %u: never got %d", caller->uid, caller->gid, expected);
}

static void configure(const char *config)
{
    assert_int_equal(world_configure(the_world, config), 0);
    assert_return_code(kill(the_world->daemon, SIGHUP), errno);
}

static void test_reload_changes_who_may(void **state)
{
    const struct fwmark_caller *accountant = FWMARK_USER(ACCOUNTANT), *user = FWMARK_USER(USER);
    const struct fwmark_caller first = {10060, GROUP, 0}, second = {10061, 10061, GROUP}, none = {10060, 20002, 0},
                               root_group = {10063, 0, 0};

    (void)state;
    configure("accounting_uids = 10001\naccounting_group = 20002\n");
    becomes(user, 0);
    becomes(&none, 0);
    becomes(accountant, -EPERM);
    becomes(&first, -EPERM);
    becomes(&second, -EPERM);
    configure("accounting_group = no-such-group-of-ours\n");
    becomes(user, -EPERM);
    becomes(&none, -EPERM);
    becomes(&root_group, -EPERM); /* a group that is missing has no members */
    becomes(FWMARK_ROOT, 0);
    configure(CONFIG);
    becomes(accountant, 0);
    becomes(&first, 0);
    becomes(&second, 0);
    becomes(user, -EPERM);
}

/* Of one user's connections that send nothing, the oldest goes when there are too many; others' do not count. */
static void test_connections_of_one_user_are_limited(void **state)
{
    int waiting[CONNECTIONS], more[10], other = fwmark_connect(FWMARK_USER(OTHER));
    size_t descriptors = fwmark_descriptors();

    (void)state;
    for (size_t i = 0; i < CONNECTIONS; i++)
        waiting[i] = fwmark_connect(FWMARK_USER(USER));
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, THIRD, 0), 0);
    assert_int_equal(fwmark_reply(waiting[0], 100), FWMARK_NOTHING);
    for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
        more[i] = fwmark_connect(FWMARK_USER(USER));
        assert_int_equal(fwmark_reply(waiting[i], FWMARK_PATIENCE_MS), -EAGAIN);
        fd_close(waiting[i]);
    }
    for (size_t i = ARRAY_SIZE(more); i < CONNECTIONS; i++)
        assert_int_equal(fwmark_reply(waiting[i], 0), FWMARK_NOTHING);
    assert_int_equal(fwmark_reply(other, 0), FWMARK_NOTHING);
    fd_close(other);
    for (size_t i = ARRAY_SIZE(more); i < CONNECTIONS; i++)
        fd_close(waiting[i]);
    for (size_t i = 0; i < ARRAY_SIZE(more); i++)
        fd_close(more[i]);
    fwmark_no_more_than(descriptors);
}

/* And whoever has that many open is still answered. */
static void test_user_with_many_connections_is_answered(void **state)
{
    int waiting[CONNECTIONS];
    _cleanup_fd_ int fd = udp_of(USER);

    (void)state;
    for (size_t i = 0; i < CONNECTIONS; i++)
        waiting[i] = fwmark_connect(FWMARK_USER(USER));
    for (uint32_t tag = 1; tag <= 10; tag++) {
        assert_int_equal(fwmark_tag(FWMARK_USER(USER), fd, FWMARK_CALLER, tag), 0);
        assert_tag(the_world, fd, USER, tag);
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        fd_close(waiting[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_may_charge_themselves),
        cmocka_unit_test(test_accountants_may_charge_others),
        cmocka_unit_test(test_accountants_may_switch_counter_sets),
        cmocka_unit_test(test_accountants_may_delete),
        cmocka_unit_test(test_who_may_untag),
        cmocka_unit_test(test_reload_changes_who_may),
        cmocka_unit_test(test_connections_of_one_user_are_limited),
        cmocka_unit_test(test_user_with_many_connections_is_answered),
    };
    const struct world_options options = {.config = CONFIG};

    return run_world("rights at fwmarkd", tests, ARRAY_SIZE(tests), &options);
}
