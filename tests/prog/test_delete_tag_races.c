/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Deleting what was counted, whatever is sent and tagged meanwhile, and whatever becomes of who does it. Real sockets.
 * Root. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
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
#define TAG2 0x80000006u

#define _cleanup_tags_ _cleanup_(tags_done)

/* Packets of others: new rows in every map all the time, by tags written raw, since no other tagger may write now. */
#define OTHERS 20000u
#define OTHERS_COUNT 2500u
#define PACKETS 3

struct others {
    const struct fixture *fixture;
    int cookie_map, storage, fd;
    bool stop;
    uint64_t rounds, failed;
};

static void *send_others(void *context)
{
    struct others *others = context;
    const struct tctl_socket nothing = {0};
    const uint64_t cookie = loopback_cookie(others->fd);
    while (!__atomic_load_n(&others->stop, __ATOMIC_ACQUIRE)) {
        uint32_t i = (uint32_t)(others->rounds % OTHERS_COUNT);
        const struct tctl_tag row = {.uid = OTHERS + i, .tag = 1 + i % 3};
        others->failed += bpf_map_update_elem(others->cookie_map, &cookie, &row, BPF_ANY) != 0;
        others->failed += bpf_map_update_elem(others->storage, &others->fd, &nothing, BPF_ANY) != 0;
        for (int packet = 0; packet < PACKETS; packet++)
            others->failed += send(others->fd, "", 1, 0) != 1;
        __atomic_fetch_add(&others->rounds, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static struct others others_new(const struct fixture *fixture)
{
    return (struct others){
        .fixture = fixture,
        .cookie_map = fixture_pin(fixture, PIN_COOKIE_TAG),
        .storage = fixture_pin(fixture, PIN_SOCKET_STORAGE),
        .fd = loopback_udp(fixture),
    };
}

static void others_done(struct others *others)
{
    fd_close(others->cookie_map);
    fd_close(others->storage);
    fd_close(others->fd);
}

/* Every packet is where it belongs. */
static void others_check(const struct others *others)
{
    uint64_t whole = others->rounds / OTHERS_COUNT, rest = others->rounds % OTHERS_COUNT;
    assert_int_equal(others->failed, 0);
    assert_true(others->rounds > 100);
    for (uint32_t i = 0; i < OTHERS_COUNT; i++) {
        uint64_t packets = PACKETS * (whole + (i < rest));
        assert_int_equal(tagging_total(others->fixture, OTHERS + i), packets);
        assert_int_equal(tagging_sent(others->fixture, OTHERS + i, 0, 0), packets);
        assert_int_equal(tagging_sent(others->fixture, OTHERS + i, 1 + i % 3, 0), packets);
    }
}

/* Sends on some sockets until it is told to stop, and says how much. */
struct sender {
    int *fds;
    size_t count;
    bool stop;
    uint64_t sent;
};

static void *send_all_the_time(void *context)
{
    struct sender *sender = context;
    while (!__atomic_load_n(&sender->stop, __ATOMIC_ACQUIRE)) {
        for (size_t i = 0; i < sender->count; i++)
            __atomic_fetch_add(&sender->sent, send(sender->fds[i], "", 1, 0) == 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void sender_wait(const struct sender *sender, uint64_t more)
{
    uint64_t begin = __atomic_load_n(&sender->sent, __ATOMIC_ACQUIRE);
    while (__atomic_load_n(&sender->sent, __ATOMIC_ACQUIRE) < begin + more)
        sched_yield();
}

static void stop_sender(struct sender *sender, pthread_t thread)
{
    __atomic_store_n(&sender->stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}

static void stop_others(struct others *others, pthread_t thread)
{
    __atomic_store_n(&others->stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}

/* The same sockets send under the tag, and under another one, without a pause. No assert while threads run. */
static void a_tag_goes_exactly_while_everybody_sends(void **state)
{
    enum { ROUNDS = 15 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_(others_done) struct others others = others_new(fixture);
    int fds[] = {loopback_udp(fixture), loopback_udp(fixture)};
    struct sender sender = {.fds = fds, .count = ARRAY_SIZE(fds)};
    size_t failed = 0, left = 0;
    assert_int_equal(tagging_set(&tags, fds[1], UID, TAG2), 0);
    pthread_t threads[] = {tagging_thread(send_others, &others), tagging_thread(send_all_the_time, &sender)};
    for (int i = 0; i < ROUNDS; i++) {
        failed += tagging_set(&tags, fds[0], UID, TAG) != 0;
        sender_wait(&sender, 100);
        left += tagging_rows_of(fixture, UID, TAG) == 0;
        failed += deletion_run(fixture->bpffs, &tags, UID, TAG) != 0;
        left += tagging_rows_of(fixture, UID, TAG);
    }
    sender_wait(&sender, 100);
    left += tagging_rows_of(fixture, UID, TAG);
    stop_sender(&sender, threads[1]);
    stop_others(&others, threads[0]);
    assert_int_equal(failed, 0);
    assert_int_equal(left, 0);
    assert_int_equal(tagging_sent(fixture, UID, TAG2, 0), sender.sent / 2);
    assert_int_equal(tagging_total(fixture, UID) + tagging_total(fixture, 0), sender.sent);
    others_check(&others);
    for (int map = 0; map < TCTL_STATS_MAPS; map++)
        assert_int_equal(fixture_lost(fixture, map), 0);
    tagging_close(fds, ARRAY_SIZE(fds));
}

static void all_of_a_uid_goes_exactly_while_everybody_sends(void **state)
{
    enum { ROUNDS = 15 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_(others_done) struct others others = others_new(fixture);
    int fds[] = {loopback_udp(fixture), loopback_udp(fixture)};
    struct sender sender = {.fds = fds, .count = ARRAY_SIZE(fds)};
    size_t failed = 0, left = 0;
    pthread_t threads[] = {tagging_thread(send_others, &others), tagging_thread(send_all_the_time, &sender)};
    for (int i = 0; i < ROUNDS; i++) {
        failed += tagging_set(&tags, fds[0], UID, TAG) != 0;
        failed += tagging_set(&tags, fds[1], UID, 0) != 0;
        sender_wait(&sender, 100);
        left += tagging_total(fixture, UID) == 0;
        failed += deletion_run(fixture->bpffs, &tags, UID, 0) != 0;
        left += tagging_rows_of(fixture, UID, 0) + tagging_total(fixture, UID);
    }
    sender_wait(&sender, 100);
    left += tagging_rows_of(fixture, UID, 0) + tagging_total(fixture, UID);
    stop_sender(&sender, threads[1]);
    stop_others(&others, threads[0]);
    assert_int_equal(failed, 0);
    assert_int_equal(left, 0);
    assert_in_range(tagging_total(fixture, 0), 1, sender.sent);
    others_check(&others);
    tagging_close(fds, ARRAY_SIZE(fds));
}

/* Its sockets are its own, without a tag: what is sent afterwards is counted anew, by every map alike. */
static void an_owner_who_goes_on_sending_is_counted_anew(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[] = {loopback_udp(fixture)};
    struct sender sender = {.fds = fds, .count = 1};
    assert_return_code(fchown(fds[0], UID, (gid_t)-1), errno);
    pthread_t thread = tagging_thread(send_all_the_time, &sender);
    sender_wait(&sender, 2000);
    uint64_t before = __atomic_load_n(&sender.sent, __ATOMIC_ACQUIRE);
    int r = deletion_run(fixture->bpffs, &tags, UID, 0);
    sender_wait(&sender, 1000);
    stop_sender(&sender, thread);
    assert_int_equal(r, 0);
    uint64_t after = tagging_total(fixture, UID);
    assert_in_range(after, 1000 - 1, sender.sent - before);
    assert_int_equal(tagging_sent(fixture, UID, 0, 0), after);
    assert_int_equal(tagging_total(fixture, 0), 0);
    tagging_close(fds, 1);
}

/* Packets of others that are dropped: new rows all the time. */
struct dropped {
    int fd;
    bool stop;
    uint64_t rounds, failed;
};

static void *send_in_vain(void *context)
{
    struct dropped *others = context;
    while (!__atomic_load_n(&others->stop, __ATOMIC_ACQUIRE)) {
        others->failed += fchown(others->fd, (uid_t)(OTHERS + others->rounds % OTHERS_COUNT), (gid_t)-1) < 0;
        for (int packet = 0; packet < PACKETS; packet++)
            others->failed += send(others->fd, "", 1, 0) != -1 || errno != EPERM;
        __atomic_fetch_add(&others->rounds, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void *one_in_vain(void *context)
{
    struct sender *sender = context;
    while (!__atomic_load_n(&sender->stop, __ATOMIC_ACQUIRE))
        __atomic_fetch_add(&sender->sent, send(*sender->fds, "", 1, 0) < 0, __ATOMIC_RELEASE);
    return NULL;
}

static uint64_t dropped_of(const struct fixture *fixture, uint32_t uid)
{
    const struct tctl_drop_key key = {.uid = uid, .reason = TCTL_DOZABLE};
    struct tctl_drop drop;
    return fixture_get(fixture, PIN_DROPS, &key, &drop) ? drop.dropped.tx_packets : 0;
}

static void drop_everything(const struct fixture *fixture)
{
    const uint32_t on = TCTL_CHAIN_SWITCH;
    const uint8_t yes = 1;
    fixture_put(fixture, PIN_DOZABLE_UID, &on, &yes);
    fixture_raise(fixture);
}

/* Elements of the map are reused while somebody counts drops of who is deleted. */
static void drops_go_exactly_while_others_are_dropped(void **state)
{
    enum { ROUNDS = 15 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct dropped others = {.fd = loopback_udp(fixture)};
    int fd = loopback_udp(fixture);
    struct sender sender = {.fds = &fd, .count = 1};
    size_t failed = 0;
    uint64_t before = 0;
    assert_return_code(fchown(fd, UID, (gid_t)-1), errno);
    drop_everything(fixture);
    pthread_t threads[] = {tagging_thread(send_in_vain, &others), tagging_thread(one_in_vain, &sender)};
    for (int i = 0; i < ROUNDS; i++) {
        sender_wait(&sender, 100);
        before = __atomic_load_n(&sender.sent, __ATOMIC_ACQUIRE);
        failed += deletion_run(fixture->bpffs, &tags, UID, 0) != 0;
    }
    sender_wait(&sender, 1000);
    stop_sender(&sender, threads[1]);
    __atomic_store_n(&others.stop, true, __ATOMIC_RELEASE);
    pthread_join(threads[0], NULL);
    assert_int_equal(failed + others.failed, 0);
    assert_in_range(dropped_of(fixture, UID), 1000 - 1, sender.sent - before);
    assert_true(others.rounds > 100);
    for (uint32_t i = 0; i < OTHERS_COUNT; i++)
        assert_int_equal(dropped_of(fixture, OTHERS + i),
                         PACKETS * (others.rounds / OTHERS_COUNT + (i < others.rounds % OTHERS_COUNT)));
    tagging_close(&others.fd, 1);
    tagging_close(&fd, 1);
}

struct tagger {
    const struct fixture *fixture;
    uint32_t uid;
};

/* Tags, tags again, unties and closes until it is killed. An exit status is an error's. */
static int tag_all_the_time(void *context)
{
    const struct tagger *tagger = context;
    _cleanup_tags_ struct tags tags;
    if (tags_open(tagger->fixture->bpffs, &tags) < 0)
        return EXIT_FAILURE;
    for (uint32_t i = 0; getppid() > 1; i++) {
        int fds[8];
        for (size_t j = 0; j < ARRAY_SIZE(fds); j++)
            fds[j] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        for (size_t j = 0; j < ARRAY_SIZE(fds); j++) {
            if (tagging_set(&tags, fds[j], tagger->uid, i % 4) < 0 || tagging_set(&tags, fds[j], UID, i % 5) < 0)
                return EXIT_FAILURE;
        }
        for (size_t j = 0; j < ARRAY_SIZE(fds); j++) {
            int r = j % 2 ? tags_remove(&tags, fds[j]) : tags_end(&tags, &(uint64_t){loopback_cookie(fds[j])}, 1);
            if (r < 0 && r != -ENOENT) /* deleted meanwhile */
                return EXIT_FAILURE;
        }
        tagging_close(fds, ARRAY_SIZE(fds));
    }
    return EXIT_SUCCESS;
}

static void counts_are_right_after_deletions_among_taggers(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct tagger taggers[] = {{fixture, OTHER}, {fixture, OTHER + 1}};
    pid_t children[ARRAY_SIZE(taggers)];
    size_t failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(taggers); i++)
        children[i] = surroundings_fork(tag_all_the_time, &taggers[i]);
    for (uint32_t i = 0; i < 30; i++)
        failed += deletion_run(fixture->bpffs, &tags, i % 3 ? UID : OTHER, i % 5) != 0;
    for (size_t i = 0; i < ARRAY_SIZE(taggers); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, WNOHANG), 0);
        /* not in the middle of it: what is counted and not written yet would be too much */
        assert_int_equal(writer_lock(&tags.writer), 0);
        kill(children[i], SIGKILL);
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        writer_unlock(&tags.writer);
    }
    assert_int_equal(failed, 0);
    tagging_assert_counts_agree(fixture);
}

static int delete_once(void *context)
{
    const struct fixture *fixture = context;
    _cleanup_tags_ struct tags tags;
    if (tags_open(fixture->bpffs, &tags) < 0)
        return EXIT_FAILURE;
    return deletion_run(fixture->bpffs, &tags, UID, 0) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static uint32_t deleting(const struct fixture *fixture)
{
    const uint32_t zero = 0;
    struct tctl_config config;
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &config));
    return config.deleting.uid;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The UID is counted again a second after its deleter was last heard of. */
static void wait_until_counted(const struct fixture *fixture, int fd)
{
    uint64_t begin = now_ms(), before = tagging_total(fixture, UID);
    while (tagging_total(fixture, UID) == before) {
        tagging_send(fd);
        assert_in_range(now_ms() - begin, 0, 3000);
    }
}

/* A deleter that is stopped in the middle of it: some are too fast. */
static pid_t stop_a_deleter(const struct fixture *fixture)
{
    for (;;) {
        int status;
        pid_t child = surroundings_fork(delete_once, (void *)fixture);
        siginfo_t info = {0};
        while (deleting(fixture) != UID && info.si_pid == 0)
            assert_return_code(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT), errno);
        kill(child, SIGSTOP);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        if (!WIFSTOPPED(status))
            continue;
        if (deleting(fixture) == UID)
            return child;
        kill(child, SIGCONT);
        assert_int_equal(surroundings_wait(child), EXIT_SUCCESS);
    }
}

struct interrupted {
    struct tags tags;
    int tagged, other;
    int own; /* UID's without a tag */
};

static void interrupted_done(struct interrupted *interrupted)
{
    fd_close(interrupted->tagged);
    fd_close(interrupted->other);
    fd_close(interrupted->own);
    tags_done(&interrupted->tags);
}

static void interrupted_init(const struct fixture *fixture, struct interrupted *interrupted)
{
    interrupted->tags = tagging_open(fixture);
    interrupted->tagged = loopback_udp(fixture);
    interrupted->other = loopback_udp(fixture);
    interrupted->own = loopback_udp(fixture);
    assert_int_equal(tagging_set(&interrupted->tags, interrupted->tagged, UID, TAG), 0);
    assert_int_equal(tagging_set(&interrupted->tags, interrupted->other, OTHER, TAG), 0);
    assert_return_code(fchown(interrupted->own, UID, (gid_t)-1), errno);
    tagging_send(interrupted->tagged);
    tagging_send(interrupted->other);
    tagging_send(interrupted->own);
}

static void the_death_of_a_deleter_does_no_lasting_harm(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_(interrupted_done) struct interrupted all;
    int status;
    interrupted_init(fixture, &all);
    pid_t child = stop_a_deleter(fixture);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    wait_until_counted(fixture, all.own);
    assert_int_equal(tagging_total(fixture, OTHER), 1);
    assert_int_equal(deletion_run(fixture->bpffs, &all.tags, UID, 0), 0);
    assert_int_equal(deleting(fixture), TCTL_NOBODY);
    assert_int_equal(tagging_rows_of(fixture, UID, 0), 0);
    tagging_send(all.own);
    assert_int_equal(tagging_total(fixture, UID), 1);
    tagging_assert_counts_agree(fixture);
}

/* Many UIDs more have a total, so that a deleter is busy with that map for a while. */
static void fill_totals(const struct fixture *fixture)
{
    const struct tctl_stats_value value = {0};
    _cleanup_fd_ int fd = fixture_pin(fixture, PIN_APP_UID_STATS);
    for (uint32_t uid = OTHERS; uid < OTHERS + 9000; uid++)
        assert_int_equal(bpf_map_update_elem(fd, &uid, &value, BPF_ANY), 0);
}

/*
 * A deleter that was stopped for longer than the programs wait begins again: what goes on being sent would be deleted
 * from one map and not from the other.
 */
static void a_deleter_that_was_stopped_begins_again(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_(interrupted_done) struct interrupted all;
    interrupted_init(fixture, &all);
    fill_totals(fixture);
    pid_t child = stop_a_deleter(fixture);
    wait_until_counted(fixture, all.own);
    struct sender sender = {.fds = &all.own, .count = 1};
    pthread_t thread = tagging_thread(send_all_the_time, &sender);
    sender_wait(&sender, 100);
    kill(child, SIGCONT);
    int status = surroundings_wait(child);
    sender_wait(&sender, 100);
    stop_sender(&sender, thread);
    assert_int_equal(status, EXIT_SUCCESS);
    assert_in_range(tagging_total(fixture, UID), 100 - 1, sender.sent);
    assert_int_equal(tagging_sent(fixture, UID, 0, 0), tagging_total(fixture, UID));
    assert_int_equal(tagging_rows_of(fixture, UID, TAG), 0);
    assert_int_equal(deleting(fixture), TCTL_NOBODY);
    tagging_assert_counts_agree(fixture);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, tagging_set_up, fixture_tear_down)
#define BOTH(test)                                                                                                     \
    SHARED(test),                                                                                                      \
    {                                                                                                                  \
#test "_percpu", test, tagging_set_up_percpu, fixture_tear_down, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_tag_goes_exactly_while_everybody_sends),      BOTH(all_of_a_uid_goes_exactly_while_everybody_sends),
        BOTH(an_owner_who_goes_on_sending_is_counted_anew),  SHARED(counts_are_right_after_deletions_among_taggers),
        SHARED(the_death_of_a_deleter_does_no_lasting_harm), SHARED(a_deleter_that_was_stopped_begins_again),
        BOTH(drops_go_exactly_while_others_are_dropped),
    };
    loopback_enter();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: deletions in the midst of traffic", tests, NULL, NULL);
}
