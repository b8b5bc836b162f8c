/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tags whose sockets went while nobody was told go; those of live sockets never do. Without the release hook. Root. */
#include <errno.h>
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
#include "loopback.h"
#include "surroundings.h"
#include "sweep.h"
#include "tagging.h"

#define UID 10001u
#define OTHER 10002u
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

/* The kernel frees a closed socket, and its storage, a moment later. */
static void sweep_until(const struct fixture *fixture, struct tags *tags, size_t removed)
{
    uint64_t begin = now_ms();
    for (size_t so_far = 0; so_far < removed;) {
        so_far += sweep(fixture, tags);
        assert_in_range(so_far, 0, removed);
        assert_in_range(now_ms() - begin, 0, PATIENCE_MS);
    }
    assert_int_equal(sweep(fixture, tags), 0);
}

static void closed_sockets_lose_their_rows(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[20];
    assert_int_equal(sweep(fixture, &tags), 0);
    loopback_sockets(fixture, AF_INET6, SOCK_STREAM, 0, fds, 20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(tagging_set(&tags, fds[i], i < 10 ? UID : OTHER, TAG), 0);
    uint64_t cookie = loopback_cookie(fds[0]);
    tagging_close(fds, 5);
    tagging_close(fds + 15, 5);
    assert_true(tagging_has_row(fixture, cookie));
    sweep_until(fixture, &tags, 10);
    for (size_t i = 5; i < 15; i++)
        tagging_assert_row(fixture, fds[i], i < 10 ? UID : OTHER, TAG);
    assert_int_equal(tagging_rows(fixture, UID), 5);
    assert_int_equal(tagging_rows(fixture, OTHER), 5);
    tagging_assert_counts_agree(fixture);
    tagging_close(fds, 20);
}

static void rows_of_cookies_that_never_were_go(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    const struct tctl_tag row = {.uid = UID, .tag = TAG};
    for (uint64_t cookie = UINT64_MAX; cookie > UINT64_MAX - 10; cookie--)
        fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
    assert_int_equal(sweep(fixture, &tags), 10);
    assert_false(tagging_has_row(fixture, UINT64_MAX));
    assert_int_equal(tagging_rows(fixture, UID), 0);
}

static void write_raw(const struct fixture *fixture, int fd)
{
    const struct tctl_tag row = {.uid = UID, .tag = TAG};
    const uint64_t cookie = loopback_cookie(fd);
    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
}

static int wait_for_a_byte(void *channel)
{
    char byte;
    return read(*(int *)channel, &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Tagged raw, it never sent and has no storage; then it is another process's alone. */
static void what_is_open_somewhere_is_live(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int channel[2], fd = loopback_socket(fixture, AF_INET, SOCK_DGRAM, 0);
    uint64_t cookie = loopback_cookie(fd);
    write_raw(fixture, fd);
    assert_int_equal(sweep(fixture, &tags), 0);
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    pid_t child = surroundings_fork(wait_for_a_byte, &channel[1]);
    fd_close(fd);
    assert_int_equal(sweep(fixture, &tags), 0);
    assert_true(tagging_has_row(fixture, cookie));
    assert_int_equal(write(channel[0], "", 1), 1);
    assert_int_equal(surroundings_wait(child), EXIT_SUCCESS);
    sweep_until(fixture, &tags, 1);
    assert_false(tagging_has_row(fixture, cookie));
    tagging_close(channel, 2);
}

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static struct msghdr message_of(union control *control, struct iovec *byte)
{
    return (struct msghdr){
        .msg_iov = byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(*control)};
}

/* The descriptor is the message's then. */
static int send_away(int channel, int fd)
{
    union control control = {0};
    struct iovec byte = {"", 1};
    struct msghdr message = message_of(&control, &byte);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    int r = sendmsg(channel, &message, 0) == 1 ? 0 : -errno;
    fd_close(fd);
    return r;
}

/* -1: there was none. */
static int take_back(int channel)
{
    union control control = {0};
    char room;
    struct iovec byte = {&room, 1};
    struct msghdr message = message_of(&control, &byte);
    int fd = -1;
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

/* On its way in a message it is open nowhere. */
static void what_is_in_flight_is_live(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int channel[2], fd = loopback_udp(fixture);
    uint64_t cookie = loopback_cookie(fd);
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    assert_int_equal(send_away(channel[0], fd), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sweep(fixture, &tags), 0);
    fd = take_back(channel[1]);
    assert_return_code(fd, EBADF);
    tagging_assert_row(fixture, fd, UID, TAG);
    assert_int_equal(send_away(channel[0], fd), 0);
    tagging_close(channel, 2); /* nobody will ever receive it */
    sweep_until(fixture, &tags, 1);
    assert_false(tagging_has_row(fixture, cookie));
}

/* Closed, with bytes left to send. */
static void what_sends_after_its_close_is_live(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct stuffed stuffed = loopback_stuff(fixture, UID, TAG);
    uint64_t cookie = loopback_cookie(stuffed.a);
    fd_close(stuffed.a);
    assert_int_equal(sweep(fixture, &tags), 0);
    assert_true(tagging_has_row(fixture, cookie));
    loopback_drain(&stuffed);
    sweep_until(fixture, &tags, 1);
    assert_false(tagging_has_row(fixture, cookie));
}

/* Without BTF there is no list of sockets: then nobody can tell, and nothing is removed. */
static void without_lists_nothing_is_removed(void **state)
{
    static const enum pin_id lists[] = {PIN_OPEN_SOCKETS, PIN_STORED_SOCKETS};
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    const struct tctl_tag row = {.uid = UID, .tag = TAG};
    const uint64_t cookie = UINT64_MAX;
    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        size_t removed = 7;
        assert_return_code(unlink(fixture_path(fixture, pins[lists[i]].path)), errno);
        assert_int_equal(sweep_run(fixture->bpffs, &tags, &removed), -ENOENT);
        assert_int_equal(removed, 7);
        assert_true(tagging_has_row(fixture, cookie));
    }
}

struct traffic {
    const struct fixture *fixture;
    struct tags *tags;
    bool stop;
    uint64_t sweeps, sockets, lost, failed;
};

static bool is_tagged(struct traffic *traffic, int fd)
{
    struct tctl_tag tag;
    return tags_get(traffic->tags, fd, &tag) == 0 && tag.uid == UID && tag.tag == TAG;
}

/* Rows of closed sockets take room until they are swept: no more between two sweeps than the map bears. */
static void wait_for_a_sweep(struct traffic *traffic, uint64_t *sockets, uint64_t *sweeps)
{
    enum { AT_MOST = 2000 };
    while (*sockets >= AT_MOST && *sweeps == __atomic_load_n(&traffic->sweeps, __ATOMIC_ACQUIRE) &&
           !__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE))
        sched_yield();
    if (*sockets >= AT_MOST)
        *sockets = 0;
    *sweeps = __atomic_load_n(&traffic->sweeps, __ATOMIC_ACQUIRE);
}

/* Sockets are made, tagged, sent away, taken back and closed; while they live they have their tags. */
static void *open_and_close(void *context)
{
    enum { AT_ONCE = 100 };
    struct traffic *traffic = context;
    int channel[2], fds[AT_ONCE];
    uint64_t sockets = 0, sweeps = 0;
    traffic->failed += socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0;
    while (!__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE)) {
        for (int i = 0; i < AT_ONCE; i++) {
            fds[i] = socket(i % 2 ? AF_INET : AF_INET6, i % 3 ? SOCK_DGRAM : SOCK_STREAM, 0);
            traffic->failed += tagging_set(traffic->tags, fds[i], UID, TAG) != 0;
        }
        for (int i = 0; i < AT_ONCE; i++)
            traffic->failed += send_away(channel[0], fds[i]) != 0;
        for (int i = 0; i < AT_ONCE; i++) {
            fds[i] = take_back(channel[1]);
            traffic->lost += !is_tagged(traffic, fds[i]);
            fd_close(fds[i]);
        }
        __atomic_fetch_add(&traffic->sockets, AT_ONCE, __ATOMIC_RELEASE);
        sockets += AT_ONCE;
        wait_for_a_sweep(traffic, &sockets, &sweeps);
    }
    tagging_close(channel, 2);
    return NULL;
}

static void no_live_tag_is_lost_while_sockets_come_and_go(void **state)
{
    enum { SWEEPS = 40, STAYING = 200, SOCKETS = 2000 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct traffic traffic = {.fixture = fixture, .tags = &tags};
    int fds[STAYING];
    size_t removed, failed = 0;
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, STAYING);
    for (size_t i = 0; i < STAYING; i++) {
        if (i % 2)
            write_raw(fixture, fds[i]);
        else
            assert_int_equal(tagging_set(&tags, fds[i], UID, TAG), 0);
    }
    pthread_t thread = tagging_thread(open_and_close, &traffic);
    for (int i = 0; i < SWEEPS || __atomic_load_n(&traffic.sockets, __ATOMIC_ACQUIRE) < SOCKETS; i++) {
        failed += sweep_run(fixture->bpffs, &tags, &removed) != 0;
        __atomic_fetch_add(&traffic.sweeps, 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&traffic.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(failed, 0);
    assert_int_equal(traffic.failed, 0);
    assert_int_equal(traffic.lost, 0);
    for (size_t i = 0; i < STAYING; i++)
        tagging_assert_row(fixture, fds[i], UID, TAG);
    tagging_close(fds, STAYING);
    uint64_t begin = now_ms();
    while (tagging_rows(fixture, UID) > 0) {
        sweep(fixture, &tags);
        assert_in_range(now_ms() - begin, 0, PATIENCE_MS);
    }
    tagging_assert_counts_agree(fixture);
}

/* More than one read(2) of a list gives; every other socket ends. */
static void a_full_map_is_swept(void **state)
{
    enum { SOCKETS = TCTL_COOKIE_TAG_ENTRIES };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int *fds = calloc(SOCKETS, sizeof(*fds));
    assert_non_null(fds);
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, SOCKETS);
    for (size_t i = 0; i < SOCKETS; i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID, TAG), 0);
    for (size_t i = 0; i < SOCKETS; i += 2)
        fds[i] = fd_close(fds[i]);
    sweep_until(fixture, &tags, SOCKETS / 2);
    for (size_t i = 1; i < SOCKETS; i += 2)
        tagging_assert_row(fixture, fds[i], UID, TAG);
    assert_int_equal(tagging_rows(fixture, UID), SOCKETS / 2);
    tagging_close(fds, SOCKETS);
    free(fds);
}

#define SWEEP(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP(closed_sockets_lose_their_rows),
        SWEEP(rows_of_cookies_that_never_were_go),
        SWEEP(what_is_open_somewhere_is_live),
        SWEEP(what_is_in_flight_is_live),
        SWEEP(what_sends_after_its_close_is_live),
        SWEEP(without_lists_nothing_is_removed),
        SWEEP(no_live_tag_is_lost_while_sockets_come_and_go),
        SWEEP(a_full_map_is_swept),
    };
    loopback_enter();
    tagging_allow_files();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: the sweep", tests, NULL, NULL);
}
