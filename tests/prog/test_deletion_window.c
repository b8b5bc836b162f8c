/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What the programs do for whoever deletes: nothing of a tag or a UID is counted while its data go, released tags end
 * that are older than the deletion, and rows that the last close takes away are counted. Real sockets. Root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <netinet/in.h>

#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "loopback.h"

#define UID 10001
#define OTHER 10002
#define TAG 5
#define SECOND 1000000000ull

static int set_up(void **state, bool percpu)
{
    *state = fixture_new(percpu);
    fixture_load(*state);
    return 0;
}

static int set_up_shared(void **state)
{
    return set_up(state, false);
}

static int set_up_percpu(void **state)
{
    return set_up(state, true);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    assert_return_code(clock_gettime(CLOCK_MONOTONIC, &now), errno);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* As whoever deletes says it. */
static void open_window(const struct fixture *fixture, uint32_t uid, uint32_t tag, uint64_t until)
{
    const uint32_t zero = 0;
    struct tctl_config config;

    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &config));
    config.deleting = (struct tctl_tag){.uid = uid, .tag = tag};
    config.deleting_until = until;
    fixture_put(fixture, PIN_CONFIG, &zero, &config);
    fixture_raise(fixture);
}

static void close_window(const struct fixture *fixture)
{
    open_window(fixture, TCTL_NOBODY, 0, 0);
}

static uint64_t tagged(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    const struct tctl_stats_key key = {.uid = uid, .tag = tag, .iface_index = LOOPBACK_INDEX};

    return fixture_row(fixture, PIN_TAG_STATS, &key).tx_packets;
}

/* The UID's row, with which its total agrees. */
static uint64_t untagged(const struct fixture *fixture, uint32_t uid)
{
    const struct tctl_stats_key key = {.uid = uid, .iface_index = LOOPBACK_INDEX};
    uint64_t packets = fixture_row(fixture, PIN_UID_STATS, &key).tx_packets;

    assert_int_equal(fixture_row(fixture, PIN_APP_UID_STATS, &uid).tx_packets, packets);
    return packets;
}

static void send_one(int fd)
{
    assert_int_equal(send(fd, "", 1, 0), 1);
}

static int socket_of(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    int fd = loopback_udp(fixture);

    loopback_tag(fixture, fd, uid, tag);
    return fd;
}

/* One packet of each: of the tag, of another tag of the UID, of the same tag of another UID, of none. */
struct four {
    int fd[4];
};

static const struct tctl_tag FOUR[4] = {{UID, TAG}, {UID, TAG + 1}, {OTHER, TAG}, {UID, 0}};

static struct four four_new(const struct fixture *fixture)
{
    struct four four;

    for (size_t i = 0; i < ARRAY_SIZE(FOUR); i++)
        four.fd[i] = socket_of(fixture, FOUR[i].uid, FOUR[i].tag);
    return four;
}

static void four_send(const struct four *four)
{
    for (size_t i = 0; i < ARRAY_SIZE(four->fd); i++)
        send_one(four->fd[i]);
}

static void four_close(struct four *four)
{
    for (size_t i = 0; i < ARRAY_SIZE(four->fd); i++)
        fd_close(four->fd[i]);
}

/* Packets of the tag, the other tag, the other UID's tag; of the UID and of the other UID in all. */
static void check(const struct fixture *fixture, uint64_t tag, uint64_t other_tag, uint64_t other_uid, uint64_t all)
{
    assert_int_equal(tagged(fixture, UID, TAG), tag);
    assert_int_equal(tagged(fixture, UID, TAG + 1), other_tag);
    assert_int_equal(tagged(fixture, OTHER, TAG), other_uid);
    assert_int_equal(untagged(fixture, UID), all);
    assert_int_equal(untagged(fixture, OTHER), other_uid);
}

static void window_takes_a_tag_for_none(void **state)
{
    const struct fixture *fixture = *state;
    struct four four = four_new(fixture);

    four_send(&four);
    check(fixture, 1, 1, 1, 3);
    open_window(fixture, UID, TAG, now_ns() + 3600 * SECOND);
    four_send(&four);
    check(fixture, 1, 2, 2, 6);
    close_window(fixture);
    four_send(&four);
    check(fixture, 2, 3, 3, 9);
    four_close(&four);
}

static void window_counts_nothing_of_a_uid(void **state)
{
    const struct fixture *fixture = *state;
    struct four four = four_new(fixture);

    four_send(&four);
    open_window(fixture, UID, 0, now_ns() + 3600 * SECOND);
    four_send(&four);
    check(fixture, 1, 1, 2, 3);
    close_window(fixture);
    four_send(&four);
    check(fixture, 2, 2, 3, 6);
    assert_int_equal(fixture_lost(fixture, TCTL_UID_STATS), 0);
    four_close(&four);
}

/* What comes in is not counted either, and arrives. */
static void window_lets_packets_pass(void **state)
{
    const struct fixture *fixture = *state;
    const struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 44);
    const uint32_t root = 0;

    open_window(fixture, root, 0, now_ns() + 3600 * SECOND);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 1);
    assert_int_equal(fixture_run(fixture, PIN_INGRESS_PROG, &packet, 3), 1);
    assert_int_equal(fixture_row(fixture, PIN_APP_UID_STATS, &root).tx_packets, 0);
    assert_int_equal(fixture_row(fixture, PIN_APP_UID_STATS, &root).rx_packets, 0);
}

static void window_lets_nothing_pass_that_is_blocked(void **state)
{
    const struct fixture *fixture = *state;
    const struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 44);

    fixture_put(fixture, PIN_STANDBY_UID, &(uint32_t){TCTL_CHAIN_SWITCH}, &(uint8_t){1});
    fixture_put(fixture, PIN_STANDBY_UID, &(uint32_t){0}, &(uint8_t){0});
    open_window(fixture, 0, 0, now_ns() + 3600 * SECOND);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 0);
    assert_int_equal(fixture_run(fixture, PIN_INGRESS_PROG, &packet, 3), 0);
}

static uint64_t drops_of_root(const struct fixture *fixture)
{
    const struct tctl_drop_key key = {.uid = 0, .reason = TCTL_STANDBY};
    struct tctl_drop drop;

    return fixture_get(fixture, PIN_DROPS, &key, &drop) ? drop.dropped.tx_packets : 0;
}

static void window_notes_no_drop_of_a_uid(void **state)
{
    const struct fixture *fixture = *state;
    const struct packet packet = packet_ipv4(IPPROTO_UDP, 0, 44);

    fixture_put(fixture, PIN_STANDBY_UID, &(uint32_t){TCTL_CHAIN_SWITCH}, &(uint8_t){1});
    fixture_put(fixture, PIN_STANDBY_UID, &(uint32_t){0}, &(uint8_t){0});
    open_window(fixture, 0, 0, now_ns() + 3600 * SECOND);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 0);
    assert_int_equal(drops_of_root(fixture), 0);
    open_window(fixture, 0, TAG, now_ns() + 3600 * SECOND);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 0);
    assert_int_equal(drops_of_root(fixture), 3);
    open_window(fixture, OTHER, 0, now_ns() + 3600 * SECOND);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 0);
    close_window(fixture);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 0);
    assert_int_equal(drops_of_root(fixture), 9);
}

/* Whoever opened it died: nothing else is written, and it ends. */
static void window_ends_by_itself(void **state)
{
    const struct fixture *fixture = *state;
    const uint64_t until = now_ns() + SECOND;
    _cleanup_fd_ int fd = socket_of(fixture, UID, TAG);

    open_window(fixture, UID, 0, until);
    while (untagged(fixture, UID) == 0) {
        send_one(fd);
        assert_true(now_ns() < until + 3 * SECOND);
    }
    assert_true(now_ns() >= until);
    assert_int_equal(tagged(fixture, UID, TAG), 1);
}

/* A closed socket with much to send, then perhaps a deletion. *ret: what its tag had by then. */
static struct stuffed close_stuffed(const struct fixture *fixture, const struct tctl_tag *deleted, uint64_t *ret)
{
    struct stuffed stuffed = loopback_stuff(fixture, UID, TAG);
    uint64_t generation;

    fd_close(stuffed.a);
    assert_true(fixture_get(fixture, PIN_GENERATION, &(uint32_t){0}, &generation));
    if (deleted)
        fixture_put(fixture, PIN_DELETIONS, deleted, &generation);
    fixture_raise(fixture);
    *ret = tagged(fixture, UID, TAG);
    return stuffed;
}

/* The same tag, deleted or not, does it still count what leaves after the last close? */
static void check_afterlife(const struct fixture *fixture, const struct tctl_tag *deleted, bool counts)
{
    uint64_t before, owner = untagged(fixture, 0);
    struct stuffed stuffed = close_stuffed(fixture, deleted, &before);

    loopback_drain(&stuffed);
    if (counts) {
        assert_true(tagged(fixture, UID, TAG) > before);
        assert_int_equal(untagged(fixture, 0), owner);
    } else {
        assert_int_equal(tagged(fixture, UID, TAG), before);
        assert_true(untagged(fixture, 0) > owner);
    }
}

static void afterlife_ends_with_a_deletion(void **state)
{
    check_afterlife(*state, NULL, true);
    check_afterlife(*state, &(struct tctl_tag){UID, TAG + 1}, true);
    check_afterlife(*state, &(struct tctl_tag){OTHER, 0}, true);
    check_afterlife(*state, &(struct tctl_tag){UID, TAG}, false);
}

static void afterlife_ends_with_a_deletion_of_everything(void **state)
{
    check_afterlife(*state, &(struct tctl_tag){UID, 0}, false);
}

/* Deletions do not outlast what they deleted. */
static void afterlife_after_a_deletion_goes_on(void **state)
{
    check_afterlife(*state, &(struct tctl_tag){UID, TAG}, false);
    check_afterlife(*state, NULL, true);
    check_afterlife(*state, &(struct tctl_tag){UID, 0}, false);
    check_afterlife(*state, NULL, true);
}

static void afterlife_is_held_back_too(void **state)
{
    const struct fixture *fixture = *state;
    uint64_t before;
    struct stuffed stuffed = close_stuffed(fixture, NULL, &before);
    uint64_t all = untagged(fixture, UID);

    open_window(fixture, UID, TAG, now_ns() + 3600 * SECOND);
    loopback_drain(&stuffed);
    assert_int_equal(tagged(fixture, UID, TAG), before);
    assert_true(untagged(fixture, UID) > all);
}

static uint64_t ended(const struct fixture *fixture, uint32_t uid)
{
    uint64_t count = 0;

    return fixture_get(fixture, PIN_TAGS_ENDED, &uid, &count) ? count : 0;
}

static bool has_row(const struct fixture *fixture, uint64_t cookie)
{
    struct tctl_tag tag;

    return fixture_get(fixture, PIN_COOKIE_TAG, &cookie, &tag);
}

static void ended_counts_what_the_last_close_takes(void **state)
{
    const struct fixture *fixture = *state;

    for (uint64_t i = 1; i <= 3; i++) {
        int fd = socket_of(fixture, UID, (uint32_t)i), copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        const uint64_t cookie = loopback_cookie(fd);
        assert_return_code(copy, errno);
        fd_close(fd);
        assert_true(has_row(fixture, cookie));
        assert_int_equal(ended(fixture, UID), i - 1);
        fd_close(copy);
        assert_false(has_row(fixture, cookie));
        assert_int_equal(ended(fixture, UID), i);
    }
    fd_close(socket_of(fixture, OTHER, 0));
    assert_int_equal(ended(fixture, OTHER), 1);
    assert_int_equal(ended(fixture, UID), 3);
}

static void ended_counts_nothing_that_user_space_took(void **state)
{
    const struct fixture *fixture = *state;
    int fd = socket_of(fixture, UID, TAG);
    const uint64_t cookie = loopback_cookie(fd);
    _cleanup_fd_ int map = fixture_pin(fixture, PIN_COOKIE_TAG);

    assert_return_code(bpf_map_delete_elem(map, &cookie), errno);
    fd_close(fd);
    fd_close(loopback_udp(fixture));
    assert_int_equal(ended(fixture, UID), 0);
    assert_int_equal(ended(fixture, 0), 0);
}

#define SHARED(test)                                                                                                   \
    {                                                                                                                  \
#test, test, set_up_shared, fixture_tear_down, NULL                                                            \
    }
#define BOTH(test)                                                                                                     \
    SHARED(test),                                                                                                      \
    {                                                                                                                  \
#test "_percpu", test, set_up_percpu, fixture_tear_down, NULL                                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(window_takes_a_tag_for_none),
        BOTH(window_counts_nothing_of_a_uid),
        SHARED(window_lets_packets_pass),
        SHARED(window_lets_nothing_pass_that_is_blocked),
        SHARED(window_notes_no_drop_of_a_uid),
        BOTH(window_ends_by_itself),
        BOTH(afterlife_ends_with_a_deletion),
        SHARED(afterlife_ends_with_a_deletion_of_everything),
        SHARED(afterlife_after_a_deletion_goes_on),
        SHARED(afterlife_is_held_back_too),
        SHARED(ended_counts_what_the_last_close_takes),
        SHARED(ended_counts_nothing_that_user_space_took),
    };

    loopback_enter();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: deletions", tests, NULL, NULL);
}
