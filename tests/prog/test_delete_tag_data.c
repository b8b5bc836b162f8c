/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Deleting what was counted: all of it, and nothing else. netd's TrafficControllerTest as far as it is about that. Real
 * sockets. Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "deletion.h"
#include "fd.h"
#include "loopback.h"
#include "tagging.h"

#define UID 10001u
#define OTHER 10002u
#define TAG 5u
#define TAG2 0x80000006u

#define _cleanup_tags_ _cleanup_(tags_done)

/* Sockets of UID under two tags and under none, of OTHER under the first; one packet each. */
struct four {
    int fd[4];
};

static const struct tctl_tag FOUR[4] = {{UID, TAG}, {UID, TAG2}, {UID, 0}, {OTHER, TAG}};

static struct four four_new(const struct fixture *fixture, struct tags *tags)
{
    struct four four;
    for (size_t i = 0; i < ARRAY_SIZE(FOUR); i++) {
        four.fd[i] = loopback_udp(fixture);
        assert_int_equal(tagging_set(tags, four.fd[i], FOUR[i].uid, FOUR[i].tag), 0);
        tagging_send(four.fd[i]);
    }
    return four;
}

static void four_done(struct four *four)
{
    tagging_close(four->fd, ARRAY_SIZE(four->fd));
}

static uint32_t share(const struct fixture *fixture, uint32_t uid, enum tctl_stats_map map)
{
    struct tctl_row_count count = {0};
    fixture_get(fixture, PIN_ROW_COUNT, &uid, &count);
    return count.rows[map];
}

/* TestDeleteTagData, TestDeleteDataWithTwoTags */
static void one_tag_goes_and_nothing_else(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_(four_done) struct four four = four_new(fixture, &tags);
    uint32_t uid = UID;
    uint8_t set;
    assert_int_equal(tags_set_counter_set(&tags, UID, 1), 0);
    tagging_send(four.fd[0]);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, TAG), 0);
    assert_int_equal(tagging_rows_of(fixture, UID, TAG), 0);
    tagging_assert_no_row(fixture, four.fd[0]);
    tagging_assert_row(fixture, four.fd[1], UID, TAG2);
    tagging_assert_row(fixture, four.fd[2], UID, 0);
    tagging_assert_row(fixture, four.fd[3], OTHER, TAG);
    assert_int_equal(tagging_sent(fixture, UID, TAG2, 0), 1);
    assert_int_equal(tagging_total(fixture, UID), 4);
    assert_int_equal(tagging_sent(fixture, UID, 0, 0), 3);
    assert_int_equal(tagging_sent(fixture, UID, 0, 1), 1);
    assert_int_equal(tagging_sent(fixture, OTHER, TAG, 0), 1);
    assert_int_equal(tagging_total(fixture, OTHER), 1);
    assert_true(fixture_get(fixture, PIN_UID_COUNTER_SET, &uid, &set));
    assert_false(tagging_is_counted(fixture, UID, TAG));
    assert_int_equal(tagging_tags(fixture, UID), 1);
    assert_int_equal(tagging_rows(fixture, UID), 2);
    tagging_assert_counts_agree(fixture);

    for (size_t i = 0; i < ARRAY_SIZE(FOUR); i++)
        tagging_send(four.fd[i]); /* the first is its owner's now */
    assert_int_equal(tagging_sent(fixture, UID, TAG, 1), 0);
    assert_int_equal(tagging_total(fixture, 0), 1);
    assert_int_equal(tagging_total(fixture, UID), 6);
    assert_int_equal(tagging_set(&tags, four.fd[0], UID, TAG), 0);
    tagging_send(four.fd[0]);
    assert_int_equal(tagging_sent(fixture, UID, TAG, 1), 1);
}

/* TestDeleteAllUidData, TestDeleteDataWithTwoUids */
static void all_of_a_uid_goes_and_nothing_of_others(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_(four_done) struct four four = four_new(fixture, &tags);
    uint32_t uid = UID, other = OTHER;
    uint8_t set;
    assert_int_equal(tags_set_counter_set(&tags, UID, 1), 0);
    assert_int_equal(tags_set_counter_set(&tags, OTHER, 1), 0);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    assert_int_equal(tagging_rows_of(fixture, UID, 0), 0);
    assert_int_equal(tagging_total(fixture, UID), 0);
    assert_false(fixture_get(fixture, PIN_UID_COUNTER_SET, &uid, &set));
    for (size_t i = 0; i < 3; i++)
        tagging_assert_no_row(fixture, four.fd[i]);
    assert_int_equal(tagging_tags(fixture, UID), 0);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    assert_false(tagging_is_counted(fixture, UID, TAG));
    assert_false(tagging_is_counted(fixture, UID, TAG2));

    tagging_assert_row(fixture, four.fd[3], OTHER, TAG);
    assert_int_equal(tagging_sent(fixture, OTHER, TAG, 0), 1);
    assert_int_equal(tagging_total(fixture, OTHER), 1);
    assert_true(fixture_get(fixture, PIN_UID_COUNTER_SET, &other, &set));
    tagging_assert_counts_agree(fixture);

    tagging_send(four.fd[2]);
    assert_int_equal(tagging_set(&tags, four.fd[2], UID, TAG), 0);
    tagging_send(four.fd[2]);
    assert_int_equal(tagging_total(fixture, 0), 1);
    assert_int_equal(tagging_total(fixture, UID), 1);
    assert_int_equal(tagging_sent(fixture, UID, TAG, 0), 1);
}

static void the_share_of_rows_is_given_back(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_(four_done) struct four four = four_new(fixture, &tags);
    assert_int_equal(share(fixture, UID, TCTL_TAG_STATS), 2);
    assert_int_equal(share(fixture, UID, TCTL_UID_STATS), 1);
    assert_int_equal(share(fixture, UID, TCTL_APP_UID_STATS), 1);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, TAG), 0);
    assert_int_equal(share(fixture, UID, TCTL_TAG_STATS), 1);
    assert_int_equal(share(fixture, UID, TCTL_UID_STATS), 1);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    for (int map = 0; map < TCTL_STATS_MAPS; map++)
        assert_int_equal(share(fixture, UID, map), 0);
    assert_int_equal(share(fixture, OTHER, TCTL_TAG_STATS), 1);

    /* raw rows have been taken from nobody's share */
    const struct tctl_stats_key key = {.uid = OTHER, .tag = 99, .iface_index = LOOPBACK_INDEX};
    struct tctl_stats_value *zeroes = calloc(1024, sizeof(*zeroes));
    assert_non_null(zeroes);
    fixture_put(fixture, PIN_TAG_STATS, &key, zeroes);
    free(zeroes);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, OTHER, 0), 0);
    assert_int_equal(share(fixture, OTHER, TCTL_TAG_STATS), 0);
}

static void put_spill(const struct fixture *fixture, enum tctl_stats_map map, uint32_t uid, uint32_t tag)
{
    const struct tctl_spill_key key = {.map = map, .key = {.uid = uid, .tag = tag, .iface_index = LOOPBACK_INDEX}};
    const struct tctl_stats_value value = {.tx_packets = 7};
    fixture_put(fixture, PIN_SPILL, &key, &value);
}

static bool has_spill(const struct fixture *fixture, enum tctl_stats_map map, uint32_t uid, uint32_t tag)
{
    const struct tctl_spill_key key = {.map = map, .key = {.uid = uid, .tag = tag, .iface_index = LOOPBACK_INDEX}};
    struct tctl_stats_value value;
    return fixture_get(fixture, PIN_SPILL, &key, &value);
}

/* Of uid 0, whose number rows of interfaces carry too. */
static void what_was_spilt_goes_too(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    for (uint32_t uid = 0; uid < 2; uid++) {
        put_spill(fixture, TCTL_APP_UID_STATS, uid, 0);
        put_spill(fixture, TCTL_UID_STATS, uid, 0);
        put_spill(fixture, TCTL_TAG_STATS, uid, TAG);
        put_spill(fixture, TCTL_TAG_STATS, uid, TAG2);
        put_spill(fixture, TCTL_IFACE_STATS, uid, 0);
    }
    assert_int_equal(deletion_run(fixture->bpffs, &tags, 0, TAG), 0);
    assert_false(has_spill(fixture, TCTL_TAG_STATS, 0, TAG));
    assert_true(has_spill(fixture, TCTL_TAG_STATS, 0, TAG2));
    assert_true(has_spill(fixture, TCTL_UID_STATS, 0, 0));
    assert_int_equal(deletion_run(fixture->bpffs, &tags, 0, 0), 0);
    assert_int_equal(tagging_rows_of(fixture, 0, 0), 0);
    assert_true(has_spill(fixture, TCTL_IFACE_STATS, 0, 0));
    assert_int_equal(tagging_rows_of(fixture, 1, 0), 4);
}

/* Nobody passes; a socket of owner's has sent one packet, and charges uid under a tag. */
static void drop_one(const struct fixture *fixture, struct tags *tags, uint32_t owner, uint32_t uid)
{
    const uint32_t on = TCTL_CHAIN_SWITCH;
    const uint8_t yes = 1;
    _cleanup_fd_ int fd = loopback_udp(fixture);
    fixture_put(fixture, PIN_DOZABLE_UID, &on, &yes);
    fixture_raise(fixture);
    assert_int_equal(tagging_set(tags, fd, uid, TAG), 0);
    assert_return_code(fchown(fd, owner, (gid_t)-1), errno);
    assert_int_equal(send(fd, "", 1, 0), -1);
    assert_int_equal(errno, EPERM);
}

static uint64_t dropped(const struct fixture *fixture, uint32_t uid)
{
    const struct tctl_drop_key key = {.uid = uid, .reason = TCTL_DOZABLE};
    struct tctl_drop drop;
    return fixture_get(fixture, PIN_DROPS, &key, &drop) ? drop.dropped.tx_packets : 0;
}

static void what_was_dropped_goes_too(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    drop_one(fixture, &tags, UID, UID);
    drop_one(fixture, &tags, OTHER, OTHER);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, TAG), 0);
    assert_int_equal(dropped(fixture, UID), 1);
    assert_int_equal(share(fixture, UID, TCTL_DROPS), 1);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    assert_int_equal(dropped(fixture, UID), 0);
    assert_int_equal(share(fixture, UID, TCTL_DROPS), 0);
    assert_int_equal(dropped(fixture, OTHER), 1);
    assert_int_equal(share(fixture, OTHER, TCTL_DROPS), 1);
    drop_one(fixture, &tags, UID, UID);
    assert_int_equal(dropped(fixture, UID), 1);
}

static void a_row_of_drops_goes_back_to_who_paid(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    drop_one(fixture, &tags, UID, OTHER);
    drop_one(fixture, &tags, OTHER, OTHER);
    assert_int_equal(dropped(fixture, UID), 1);
    assert_int_equal(share(fixture, UID, TCTL_DROPS), 0);
    assert_int_equal(share(fixture, OTHER, TCTL_DROPS), 2);
    fixture->loaded = loaded_free(fixture->loaded); /* another start counts anew */
    fixture_load(fixture);
    assert_int_equal(share(fixture, UID, TCTL_DROPS), 0);
    assert_int_equal(share(fixture, OTHER, TCTL_DROPS), 2);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    assert_int_equal(share(fixture, OTHER, TCTL_DROPS), 1);
    assert_int_equal(dropped(fixture, OTHER), 1);
}

static void nothing_to_delete_is_success(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    const uint32_t zero = 0;
    struct tctl_config config;
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, TAG), 0);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, TCTL_NOBODY, 0), -EINVAL);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, TCTL_NOBODY, TAG), -EINVAL);
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &config));
    assert_int_equal(config.deleting.uid, TCTL_NOBODY);
}

/* A closed socket has bytes left to send; they belong to the tag no more. */
static void a_closed_socket_brings_nothing_back(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    for (uint32_t tag = 0; tag <= TAG; tag += TAG) {
        struct stuffed stuffed = loopback_stuff(fixture, UID, TAG);
        fd_close(stuffed.a);
        assert_true(tagging_rows_of(fixture, UID, TAG) > 0);
        assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, tag), 0);
        assert_int_equal(tagging_rows_of(fixture, UID, TAG), 0);
        loopback_drain(&stuffed);
        assert_int_equal(tagging_rows_of(fixture, UID, TAG), 0);
    }
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, tagging_set_up, fixture_tear_down)
#define PERCPU(test) cmocka_unit_test_setup_teardown(test, tagging_set_up_percpu, fixture_tear_down)
#define BOTH(test)                                                                                                     \
    SHARED(test),                                                                                                      \
    {                                                                                                                  \
#test "_percpu", test, tagging_set_up_percpu, fixture_tear_down, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(one_tag_goes_and_nothing_else),   BOTH(all_of_a_uid_goes_and_nothing_of_others),
        BOTH(the_share_of_rows_is_given_back), PERCPU(what_was_spilt_goes_too),
        SHARED(nothing_to_delete_is_success),  BOTH(a_closed_socket_brings_nothing_back),
        BOTH(what_was_dropped_goes_too),       SHARED(a_row_of_drops_goes_back_to_who_paid),
    };
    loopback_enter();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: deleting tag data", tests, NULL, NULL);
}
