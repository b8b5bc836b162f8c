/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sweeps among thousands of sockets that nobody has open, beside each other, and with no room to ask. Root. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "fd.h"
#include "gather.h"
#include "loopback.h"
#include "sweep.h"
#include "tagging.h"

#define UID 10001u
#define TAG 5u
#define PATIENCE_MS 3000

#define _cleanup_tags_ _cleanup_(tags_done)

static int set_up(void **state)
{
    tagging_set_up(state);
    _cleanup_fd_ int hook = fixture_pin(*state, PIN_RELEASE_LINK);
    assert_return_code(bpf_link_detach(hook), errno);
    return 0;
}

static size_t sweep(const struct fixture *fixture, struct tags *tags)
{
    size_t removed = SIZE_MAX;
    assert_int_equal(sweep_run(fixture->bpffs, tags, &removed), 0);
    return removed;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static size_t rows_in(const struct fixture *fixture, enum pin_id id)
{
    _cleanup_(gather_done) struct gather rows = {0};
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    assert_int_equal(gather_keys(fd, NULL, NULL, &rows), 0);
    return rows.count;
}

/* The kernel takes 253 descriptors in a message. */
enum { IN_MESSAGE = 250, MESSAGES = 36, SOCKETS = MESSAGES * IN_MESSAGE };

union control {
    char bytes[CMSG_SPACE(IN_MESSAGE * sizeof(int))];
    struct cmsghdr align;
};

struct flight {
    int ends[2];
};

/* Sockets that have a tag, and are nowhere but in a message. */
static struct flight flight_of(struct tags *tags)
{
    union control control = {0};
    struct flight flight;
    struct iovec byte = {"", 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int fds[IN_MESSAGE];
    for (size_t i = 0; i < IN_MESSAGE; i++) {
        fds[i] = socket(i % 2 ? AF_INET : AF_INET6, i % 3 ? SOCK_DGRAM : SOCK_STREAM, 0);
        assert_return_code(fds[i], errno);
        assert_int_equal(tagging_set(tags, fds[i], UID, TAG), 0);
    }
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(header), fds, sizeof(fds));
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, flight.ends), errno);
    assert_int_equal(sendmsg(flight.ends[0], &message, 0), 1);
    tagging_close(fds, IN_MESSAGE);
    return flight;
}

static void flight_end(struct flight *flight)
{
    flight->ends[0] = fd_close(flight->ends[0]);
    flight->ends[1] = fd_close(flight->ends[1]);
}

static void flight_arrives(const struct fixture *fixture, struct flight *flight)
{
    union control control = {0};
    char room;
    struct iovec byte = {&room, 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fds[IN_MESSAGE];
    assert_int_equal(recvmsg(flight->ends[1], &message, MSG_CMSG_CLOEXEC), 1);
    assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(sizeof(fds)));
    memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fds));
    for (size_t i = 0; i < IN_MESSAGE; i++)
        tagging_assert_row(fixture, fds[i], UID, TAG);
    tagging_close(fds, IN_MESSAGE);
    flight_end(flight);
}

struct ending {
    struct flight flights[MESSAGES];
    bool done;
};

static void *end_every_other(void *context)
{
    struct ending *ending = context;
    for (size_t i = 0; i < MESSAGES; i += 2) {
        flight_end(&ending->flights[i]);
        sched_yield();
    }
    __atomic_store_n(&ending->done, true, __ATOMIC_RELEASE);
    return NULL;
}

/* In no list but that of storages, whose entries go while it is read. */
static void of_thousands_in_flight_the_dead_alone_go(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct ending ending = {.done = false};
    for (size_t i = 0; i < MESSAGES; i++)
        ending.flights[i] = flight_of(&tags);
    assert_int_equal(sweep(fixture, &tags), 0);

    pthread_t thread = tagging_thread(end_every_other, &ending);
    size_t removed = 0;
    while (!__atomic_load_n(&ending.done, __ATOMIC_ACQUIRE))
        removed += sweep(fixture, &tags);
    pthread_join(thread, NULL);
    uint64_t begin = now_ms();
    while (removed < SOCKETS / 2) {
        removed += sweep(fixture, &tags);
        assert_in_range(now_ms() - begin, 0, PATIENCE_MS);
    }
    assert_int_equal(removed, SOCKETS / 2);
    assert_int_equal(sweep(fixture, &tags), 0);
    assert_int_equal(rows_in(fixture, PIN_COOKIE_TAG), SOCKETS / 2);
    tagging_assert_counts_agree(fixture);
    for (size_t i = 1; i < MESSAGES; i += 2)
        flight_arrives(fixture, &ending.flights[i]);
}

struct sweeper {
    const struct fixture *fixture;
    bool stop;
    uint64_t sweeps, failed;
};

static void *sweep_on(void *context)
{
    struct sweeper *sweeper = context;
    struct tags tags;
    size_t removed;
    if (tags_open(sweeper->fixture->bpffs, &tags) < 0)
        __atomic_fetch_add(&sweeper->failed, 1, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&sweeper->stop, __ATOMIC_ACQUIRE)) {
        if (sweep_run(sweeper->fixture->bpffs, &tags, &removed) < 0)
            __atomic_fetch_add(&sweeper->failed, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&sweeper->sweeps, 1, __ATOMIC_RELEASE);
    }
    tags_done(&tags);
    return NULL;
}

/* Its row comes and goes in the midst of two sweeps, each of which clears away what the other asks. */
static void who_is_tagged_anew_during_sweeps_stays_tagged(void **state)
{
    enum { SWEEPS = 300, OPEN = 50 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct sweeper sweeper = {.fixture = fixture};
    pthread_t threads[2];
    int fds[OPEN];
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, OPEN);
    for (size_t i = 0; i < OPEN; i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID, TAG), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        threads[i] = tagging_thread(sweep_on, &sweeper);
    size_t lost = 0;
    for (size_t i = 0; __atomic_load_n(&sweeper.sweeps, __ATOMIC_ACQUIRE) < SWEEPS; i = (i + 1) % OPEN) {
        lost += tags_remove(&tags, fds[i]) != 0;
        lost += tagging_set(&tags, fds[i], UID, TAG) != 0;
    }
    __atomic_store_n(&sweeper.stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lost, 0);
    assert_int_equal(sweeper.failed, 0);
    for (size_t i = 0; i < OPEN; i++)
        tagging_assert_row(fixture, fds[i], UID, TAG);
    tagging_assert_counts_agree(fixture);
    tagging_close(fds, OPEN);
}

static void put_dead_row(const struct fixture *fixture, uint64_t cookie)
{
    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &(struct tctl_tag){.uid = UID, .tag = TAG});
}

/* Whoever is asked about, the sweep cannot tell who of the rest is live. */
static void who_cannot_be_asked_about_is_not_removed(void **state)
{
    enum { DEAD = 3, LIVE = 3 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    size_t removed = 7;
    int fds[LIVE];
    _cleanup_fd_ int map = fixture_pin(fixture, PIN_LIVE);
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
    _cleanup_fd_ int small = bpf_map_create(BPF_MAP_TYPE_HASH, "small", sizeof(uint64_t), sizeof(struct tctl_live),
                                            DEAD + LIVE - 1, &options);
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, LIVE);
    for (size_t i = 0; i < LIVE; i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID, TAG), 0);
    for (uint64_t i = 0; i < DEAD; i++)
        put_dead_row(fixture, UINT64_MAX - i);

    assert_return_code(unlink(fixture_path(fixture, pins[PIN_LIVE].path)), errno);
    assert_int_equal(sweep_run(fixture->bpffs, &tags, &removed), -ENOENT);
    assert_int_equal(bpf_obj_pin(small, fixture_path(fixture, pins[PIN_LIVE].path)), 0);
    assert_int_equal(sweep_run(fixture->bpffs, &tags, &removed), -E2BIG);
    assert_int_equal(removed, 7);
    assert_int_equal(rows_in(fixture, PIN_COOKIE_TAG), DEAD + LIVE);
    assert_int_equal(rows_in(fixture, PIN_LIVE), 0);

    assert_return_code(unlink(fixture_path(fixture, pins[PIN_LIVE].path)), errno);
    assert_int_equal(bpf_obj_pin(map, fixture_path(fixture, pins[PIN_LIVE].path)), 0);
    assert_int_equal(sweep(fixture, &tags), DEAD);
    assert_int_equal(rows_in(fixture, PIN_COOKIE_TAG), LIVE);
    tagging_close(fds, LIVE);
}

/* It fills the map, some of it about sockets that have a row again. */
static void what_a_killed_sweep_asked_is_no_hindrance(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fd = loopback_udp(fixture);
    for (uint64_t i = 0; i < TCTL_COOKIE_TAG_ENTRIES; i++) {
        const uint64_t cookie = i ? UINT64_MAX - i : loopback_cookie(fd);
        fixture_put(fixture, PIN_LIVE, &cookie, &(struct tctl_live){.asked = 7});
    }
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    put_dead_row(fixture, UINT64_MAX);
    assert_int_equal(sweep(fixture, &tags), 1);
    tagging_assert_row(fixture, fd, UID, TAG);
    assert_int_equal(rows_in(fixture, PIN_COOKIE_TAG), 1);
    assert_int_equal(rows_in(fixture, PIN_LIVE), 0);
    fd_close(fd);
}

#define SWEEP(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP(of_thousands_in_flight_the_dead_alone_go),
        SWEEP(who_is_tagged_anew_during_sweeps_stays_tagged),
        SWEEP(who_cannot_be_asked_about_is_not_removed),
        SWEEP(what_a_killed_sweep_asked_is_no_hindrance),
    };
    loopback_enter();
    tagging_allow_files();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: the sweep, many sockets", tests, NULL, NULL);
}
