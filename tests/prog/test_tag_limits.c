/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How much one UID may be charged with, and what is counted for that. Real maps and sockets. Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "deletion.h"
#include "fd.h"
#include "loopback.h"
#include "surroundings.h"
#include "tagging.h"

#define UID 10001u
#define OTHER 10002u
#define TAG 5u

#define _cleanup_tags_ _cleanup_(tags_done)

static void set_many(struct tags *tags, int fd, uint32_t first, uint32_t last)
{
    for (uint32_t tag = first; tag <= last; tag++)
        assert_int_equal(tagging_set(tags, fd, UID, tag), 0);
}

static void five_hundred_tags_and_no_more(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture), other = loopback_udp(fixture);
    set_many(&tags, fd, 1, 500);
    assert_int_equal(tagging_tags(fixture, UID), 500);
    assert_int_equal(tagging_set(&tags, fd, UID, 501), -EMFILE);
    tagging_assert_row(fixture, fd, UID, 500);
    assert_int_equal(tagging_set(&tags, other, UID, 501), -EMFILE);
    tagging_assert_no_row(fixture, other);
    assert_int_equal(tagging_tags(fixture, UID), 500);
    assert_int_equal(tagging_rows(fixture, UID), 1);
    assert_false(tagging_is_counted(fixture, UID, 501));

    set_many(&tags, other, 1, 500);
    assert_int_equal(tagging_set(&tags, other, UID, 0), 0);
    assert_int_equal(tagging_set(&tags, fd, OTHER, 501), 0);
    assert_int_equal(tagging_tags(fixture, UID), 500);
    assert_int_equal(tagging_tags(fixture, OTHER), 1);
    tagging_assert_counts_agree(fixture);
}

/* Its rows may still be there for a reader to come. */
static void a_tag_is_counted_until_its_data_are_deleted(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fd = loopback_udp(fixture);
    set_many(&tags, fd, 1, 500);
    assert_int_equal(tags_remove(&tags, fd), 0);
    assert_int_equal(tagging_set(&tags, fd, UID, 501), -EMFILE);
    fd_close(fd);
    fd = loopback_udp(fixture);
    assert_int_equal(tagging_set(&tags, fd, UID, 501), -EMFILE);

    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 7), 0);
    assert_int_equal(tagging_tags(fixture, UID), 499);
    assert_int_equal(tagging_set(&tags, fd, UID, 501), 0);
    assert_int_equal(tagging_set(&tags, fd, UID, 7), -EMFILE);

    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), 0);
    assert_int_equal(tagging_tags(fixture, UID), 0);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    set_many(&tags, fd, 1001, 1500);
    assert_int_equal(tagging_set(&tags, fd, UID, 1501), -EMFILE);
    tagging_assert_counts_agree(fixture);
    fd_close(fd);
}

#define ENTRIES 100u
#define HALF (ENTRIES / 2)

static const struct tags_limit half = {.sockets = HALF};

/* A small cookie map, and a map of counts with room for 40. */
static int set_up_small(void **state)
{
    struct fixture *fixture = *state = fixture_new(false);
    fixture->options.entries[LOAD_COOKIE_TAG] = ENTRIES;
    fixture_load(fixture);
    return 0;
}

static int set_limited(struct tags *tags, int fd, uint32_t uid, uint32_t tag)
{
    const struct tctl_tag row = {.uid = uid, .tag = tag};
    return tags_set(tags, fd, &row, &half);
}

static void one_uid_has_half_of_the_map(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[ENTRIES];
    loopback_sockets(fixture, AF_INET, SOCK_STREAM, 0, fds, ENTRIES);
    for (size_t i = 0; i < HALF; i++)
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG), 0);
    assert_int_equal(set_limited(&tags, fds[HALF], UID, TAG), -E2BIG);
    assert_int_equal(set_limited(&tags, fds[HALF], UID, TAG + 1), -E2BIG);
    assert_int_equal(set_limited(&tags, fds[HALF], UID, 0), -E2BIG);
    tagging_assert_no_row(fixture, fds[HALF]);
    assert_int_equal(tagging_tags(fixture, UID), 1);
    assert_int_equal(tagging_rows(fixture, UID), HALF);

    /* what it has can be changed, and another one has its own half */
    for (size_t i = 0; i < HALF; i++)
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG + 1), 0);
    for (size_t i = HALF; i < ENTRIES; i++)
        assert_int_equal(set_limited(&tags, fds[i], OTHER, TAG), 0);
    assert_int_equal(set_limited(&tags, fds[HALF], UID, TAG), -E2BIG);
    tagging_assert_row(fixture, fds[HALF], OTHER, TAG);
    assert_int_equal(set_limited(&tags, fds[0], OTHER, TAG), -E2BIG);
    tagging_assert_row(fixture, fds[0], UID, TAG + 1);
    tagging_assert_counts_agree(fixture);
    tagging_close(fds, ENTRIES);
}

/* However one socket less came about, the next one is tagged at once. */
static void one_socket_less_is_room_for_one_more(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[ENTRIES];
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, ENTRIES);
    for (size_t i = 0; i < HALF; i++)
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG), 0);
    for (size_t i = HALF; i < ENTRIES; i++) {
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG), -E2BIG);
        switch (i % 4) {
        case 0:
            fds[i - HALF] = fd_close(fds[i - HALF]);
            break;
        case 1:
            assert_int_equal(tags_remove(&tags, fds[i - HALF]), 0);
            break;
        case 2:
            assert_int_equal(tags_end(&tags, &(uint64_t){loopback_cookie(fds[i - HALF])}, 1), 0);
            break;
        default:
            assert_int_equal(tagging_set(&tags, fds[i - HALF], OTHER, TAG), 0);
        }
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG), 0);
    }
    assert_int_equal(set_limited(&tags, fds[1], UID, TAG), -E2BIG);
    assert_int_equal(tagging_rows(fixture, UID), HALF);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, TAG), 0);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    for (size_t i = HALF; i < ENTRIES; i++)
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG), 0);
    assert_int_equal(set_limited(&tags, fds[1], UID, TAG), -E2BIG);
    tagging_assert_counts_agree(fixture);
    tagging_close(fds, ENTRIES);
}

/* Rows that somebody writes raw are not counted when they come, but when they go. */
static void raw_rows_do_no_harm_to_the_count(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[HALF + 1];
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, HALF + 1);
    for (int i = 0; i < 10; i++) {
        loopback_tag(fixture, fds[0], UID, TAG);
        if (i % 2)
            assert_int_equal(tags_remove(&tags, fds[0]), 0);
        else
            assert_int_equal(tags_end(&tags, &(uint64_t){loopback_cookie(fds[0])}, 1), 0);
    }
    assert_int_equal(tagging_rows(fixture, UID), 0);
    for (int i = 0; i < 10; i++) {
        int fd = loopback_socket(fixture, AF_INET, SOCK_DGRAM, 0);
        loopback_tag(fixture, fd, UID, TAG);
        fd_close(fd);
    }
    for (size_t i = 0; i < HALF; i++)
        assert_int_equal(set_limited(&tags, fds[i], UID, TAG), 0);
    assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
    assert_int_equal(set_limited(&tags, fds[HALF], UID, TAG), -E2BIG);
    tagging_close(fds, HALF + 1);
}

static void a_full_map_is_said_and_counts_nothing(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[ENTRIES + 1];
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, ENTRIES + 1);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID, TAG), 0);
    assert_int_equal(tagging_set(&tags, fds[ENTRIES], UID, TAG), -E2BIG);
    assert_int_equal(tagging_set(&tags, fds[ENTRIES], UID, TAG + 1), -E2BIG);
    assert_int_equal(tagging_set(&tags, fds[ENTRIES], OTHER, TAG), -E2BIG);
    assert_false(tagging_is_counted(fixture, UID, TAG + 1));
    assert_false(tagging_is_counted(fixture, OTHER, TAG));
    assert_false(tagging_is_counted(fixture, OTHER, 0));
    assert_int_equal(tagging_rows(fixture, UID), ENTRIES);
    assert_int_equal(tagging_tags(fixture, UID), 1);

    assert_int_equal(tagging_set(&tags, fds[0], OTHER, TAG), 0);
    fds[1] = fd_close(fds[1]);
    assert_int_equal(tagging_set(&tags, fds[ENTRIES], OTHER, TAG), 0);
    tagging_assert_counts_agree(fixture);
    tagging_close(fds, ENTRIES + 1);
}

/* 2 * (10 + 10) entries */
static int set_up_few_counts(void **state)
{
    struct fixture *fixture = *state = fixture_new(false);
    fixture->options.entries[LOAD_COOKIE_TAG] = 10;
    fixture->options.entries[LOAD_TAG_STATS] = 10;
    fixture_load(fixture);
    return 0;
}

static void no_room_for_a_count_is_said_and_tags_nothing(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture), other = loopback_udp(fixture);
    set_many(&tags, fd, 1, 38);                                      /* and one entry for the UID: one is left */
    assert_int_equal(tagging_set(&tags, other, OTHER, TAG), -E2BIG); /* takes two */
    tagging_assert_no_row(fixture, other);
    assert_false(tagging_is_counted(fixture, OTHER, TAG));
    set_many(&tags, fd, 39, 39);
    assert_int_equal(tagging_set(&tags, fd, UID, 40), -E2BIG);
    tagging_assert_row(fixture, fd, UID, 39);
    assert_int_equal(tagging_tags(fixture, UID), 39);
    assert_int_equal(tagging_set(&tags, other, UID, 39), 0);
    tagging_assert_counts_agree(fixture);
}

static void tags_out_of_use_make_room(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    set_many(&tags, fd, 1, 28);
    assert_int_equal(tags_make_room(fixture->bpffs, &tags), 0);
    assert_int_equal(tagging_tags(fixture, UID), 28); /* three quarters are 30, with the UID's own entry */
    set_many(&tags, fd, 29, 29);
    assert_int_equal(tags_make_room(fixture->bpffs, &tags), 0);
    assert_int_equal(tagging_tags(fixture, UID), 1);
    assert_true(tagging_is_counted(fixture, UID, 29));
    tagging_assert_counts_agree(fixture);
}

struct tagger {
    const struct fixture *fixture;
    uint32_t step;
};

/* Tags 1 to 800, beginning elsewhere; the exit status says whether another error came than the limit's. */
static int tag_all(void *context)
{
    const struct tagger *tagger = context;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    _cleanup_tags_ struct tags tags;
    if (tags_open(tagger->fixture->bpffs, &tags) < 0)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < 800; i++) {
        int r = tagging_set(&tags, fd, UID, 1 + i * tagger->step % 800);
        if (r < 0 && r != -EMFILE)
            return EXIT_FAILURE;
    }
    return tags_remove(&tags, fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void processes_at_once_share_the_limit(void **state)
{
    static const uint32_t steps[] = {1, 3, 7, 799};
    const struct fixture *fixture = *state;
    pid_t children[ARRAY_SIZE(steps)];
    struct tagger taggers[ARRAY_SIZE(steps)];
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        taggers[i] = (struct tagger){.fixture = fixture, .step = steps[i]};
        children[i] = surroundings_fork(tag_all, &taggers[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        assert_int_equal(surroundings_wait(children[i]), EXIT_SUCCESS);
    assert_int_equal(tagging_tags(fixture, UID), 500);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    tagging_assert_counts_agree(fixture);
}

static void put_stats(const struct fixture *fixture, uint32_t uid, uint32_t tag, uint32_t set)
{
    const struct tctl_stats_key key = {.uid = uid, .tag = tag, .counter_set = set, .iface_index = LOOPBACK_INDEX};
    const struct tctl_stats_value value = {.rx_packets = 1};
    fixture_put(fixture, PIN_TAG_STATS, &key, &value);
}

static void delete_row(const struct fixture *fixture, int fd)
{
    _cleanup_fd_ int map = fixture_pin(fixture, PIN_COOKIE_TAG);
    const uint64_t cookie = loopback_cookie(fd);
    assert_int_equal(bpf_map_delete_elem(map, &cookie), 0);
}

/* What was written and deleted raw is counted too, and what is in use nowhere is not. */
static void counting_anew_goes_by_what_is_there(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[8];
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, 8);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID, i), 0);
    assert_int_equal(tagging_set(&tags, fds[6], 10003, TAG), 0);
    delete_row(fixture, fds[1]);
    delete_row(fixture, fds[2]);
    delete_row(fixture, fds[6]);
    fds[3] = fd_close(fds[3]);
    loopback_tag(fixture, fds[1], UID, 77);
    loopback_tag(fixture, fds[7], OTHER, 0);
    put_stats(fixture, UID, 2, 0); /* has data, and no socket any more */
    put_stats(fixture, UID, 2, 1);
    put_stats(fixture, OTHER, 78, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
        assert_int_equal(tagging_rows(fixture, UID), 4);
        assert_int_equal(tagging_tags(fixture, UID), 4); /* 2, 4, 5, 77 */
        assert_true(tagging_is_counted(fixture, UID, 2));
        assert_true(tagging_is_counted(fixture, UID, 77));
        assert_false(tagging_is_counted(fixture, UID, 1));
        assert_false(tagging_is_counted(fixture, UID, 3));
        assert_int_equal(tagging_rows(fixture, OTHER), 1);
        assert_int_equal(tagging_tags(fixture, OTHER), 1);
        assert_true(tagging_is_counted(fixture, OTHER, 78));
        assert_false(tagging_is_counted(fixture, 10003, 0));
        assert_false(tagging_is_counted(fixture, 10003, TAG));
        tagging_assert_counts_agree(fixture);
    }
    fds[4] = fd_close(fds[4]);
    assert_int_equal(tagging_rows(fixture, UID), 3);
    tagging_close(fds, 8);
    uint64_t ended;
    assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    assert_false(fixture_get(fixture, PIN_TAGS_ENDED, &(uint32_t){UID}, &ended));
}

static void counting_anew_when_nothing_is_there(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
    assert_int_equal(tagging_rows(fixture, UID), 1);
    assert_int_equal(tagging_tags(fixture, UID), 1);
}

#define SOCKETS 4000

static int close_all(void *fds)
{
    tagging_close(fds, SOCKETS);
    return EXIT_SUCCESS;
}

/* Another process has the sockets and ends them meanwhile: nothing that is gone is charged to anybody. */
static void counting_anew_while_sockets_are_closed(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int *fds = calloc(SOCKETS, sizeof(*fds));
    assert_non_null(fds);
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, SOCKETS);
    for (size_t i = 0; i < SOCKETS; i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID + i % 3, TAG), 0);
    uint64_t last = loopback_cookie(fds[SOCKETS - 1]);
    pid_t child = surroundings_fork(close_all, fds);
    tagging_close(fds, SOCKETS);
    while (tagging_has_row(fixture, last))
        assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
    assert_int_equal(surroundings_wait(child), EXIT_SUCCESS);
    for (uint32_t uid = UID; uid < UID + 3; uid++)
        assert_true((int64_t)tagging_rows(fixture, uid) <= 0);
    assert_int_equal(tags_recount(fixture->bpffs, &tags), 0);
    for (uint32_t uid = UID; uid < UID + 3; uid++)
        assert_int_equal(tagging_rows(fixture, uid), 0);
    free(fds);
}

#define LIMITS(test) cmocka_unit_test_setup_teardown(test, tagging_set_up, fixture_tear_down)
#define SMALL(test) cmocka_unit_test_setup_teardown(test, set_up_small, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMITS(five_hundred_tags_and_no_more),
        LIMITS(a_tag_is_counted_until_its_data_are_deleted),
        SMALL(one_uid_has_half_of_the_map),
        SMALL(one_socket_less_is_room_for_one_more),
        SMALL(raw_rows_do_no_harm_to_the_count),
        SMALL(a_full_map_is_said_and_counts_nothing),
        cmocka_unit_test_setup_teardown(no_room_for_a_count_is_said_and_tags_nothing, set_up_few_counts,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(tags_out_of_use_make_room, set_up_few_counts, fixture_tear_down),
        LIMITS(processes_at_once_share_the_limit),
        LIMITS(counting_anew_goes_by_what_is_there),
        LIMITS(counting_anew_when_nothing_is_there),
        LIMITS(counting_anew_while_sockets_are_closed),
    };
    loopback_enter();
    tagging_allow_files();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: limits of tags", tests, NULL, NULL);
}
