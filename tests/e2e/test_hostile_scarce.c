/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Attackers while trafficd has few descriptors, no more memory or threads, or room for few tags. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "hostile.h"
#include "hostile_things.h"
#include "kit.h"

#define UIDS 8
#define FEW_FILES 192
#define HALVES 62

/* 62 half messages, each with as many descriptors as can be, for as long as trafficd waits; again and again. */
static int greedy(int channel, void *arg)
{
    int listener = lingering_listener(1), fds[MESSAGE_FDS], connection[HALVES], r = raise_nofile();

    (void)arg;
    for (size_t i = 0; i < MESSAGE_FDS; i++)
        fds[i] = listener;
    for (int i = 0; r == 0 && i < HALVES; i++) {
        connection[i] = knock();
        r = connection[i] < 0 ? connection[i] : hand_in(connection[i], &TAG, sizeof(TAG) / 2, fds, MESSAGE_FDS);
        if (r == -EPIPE)
            r = 0;
    }
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void test_half_messages_with_few_descriptors(void **state)
{
    (void)state;
    hostile_may_refuse_namesake();
    trafficd_restart(FEW_FILES);
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, greedy, NULL);
    hostile_wait();
    honest_go_on(500);
    hostile_end();
}

/* Connect as often as can be, send nothing, keep all. */
static int hoard(int channel, void *arg)
{
    int r = raise_nofile() ?: say_word(channel);

    (void)arg;
    for (int i = 0; r == 0 && i < 2000; i++)
        r = knock() < 0 ? -EIO : 0;
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void test_connections_with_few_descriptors(void **state)
{
    (void)state;
    hostile_may_refuse_namesake();
    trafficd_restart(FEW_FILES);
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, hoard, NULL);
    hostile_wait();
    honest_go_on(100);
    hostile_wait();
    honest_go_on(100);
    hostile_end();
}

/* -- no memory -- */

static rlim_t address_space(pid_t pid)
{
    _cleanup_free_ char *text = NULL;
    char path[32];
    const char *line;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    assert_int_equal(fd_read_file(path, 65536, &text), 0);
    line = strstr(text, "\nVmSize:");
    assert_non_null(line);
    return strtoul(line + strlen("\nVmSize:"), NULL, 10) * 1024;
}

/* What has to be closed elsewhere, and half messages that have to be remembered. */
static int memory_wanted(int channel, void *arg)
{
    int connection[HALVES], r = raise_nofile() ?: say_word(channel);

    (void)arg;
    for (size_t turn = 0; r == 0 && turn < 4; turn++)
        for (size_t i = 0; r == 0 && i < things_count; i++) {
            int fd = things[i].make();
            int32_t reply;

            r = fd < 0 ? 0 : ask(&TAG, fd, &reply);
            if (r == 0 && fd >= 0 && reply != things[i].reply)
                r = fprintf(stderr, "%s: reply %d\n", things[i].name, reply) < 0 ? -EIO : -EPROTO;
            r = r == -EINVAL ? 0 : r;
            fd_close(fd);
        }
    for (size_t i = 0; r == 0 && i < HALVES; i++) {
        connection[i] = knock();
        r = connection[i] < 0 ? connection[i] : hand_in(connection[i], &TAG, sizeof(TAG) / 2, NULL, 0);
    }
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void test_no_memory_and_no_threads(void **state)
{
    const pid_t server = fwmark_server();
    struct rlimit limit = {.rlim_cur = address_space(server), .rlim_max = RLIM_INFINITY};

    (void)state;
    assert_return_code(prlimit(server, RLIMIT_AS, &limit, NULL), errno);
    for (unsigned i = 0; i < UIDS; i++)
        hostile_start(ATTACKER_UID + i, memory_wanted, NULL);
    hostile_wait();
    honest_go_on(300);
    hostile_wait();
    honest_go_on(100);
    hostile_end();
}

/* -- the map of tags -- */

#define TAGS 200 /* cookie_tag of the second group */
#define HALF (TAGS / 2)

static int tag_own(int fd)
{
    int32_t reply;
    int r = ask(&TAG, fd, &reply);

    return r < 0 ? r : reply;
}

static int untag_own(int fd)
{
    const struct message untag = {.id = FWMARK_UNTAG};
    int32_t reply;
    int r = ask(&untag, fd, &reply);

    return r < 0 ? r : reply;
}

/* Half of the map, and not one row more; what goes makes room for as much. */
static int fill_half(int *fd)
{
    int r = 0;

    for (int i = 0; r == 0 && i <= HALF; i++) {
        fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r = tag_own(fd[i]);
        if (i == HALF)
            r = r == -E2BIG ? 0 : -EPROTO;
    }
    r = r ?: tag_own(fd[0]) ?: untag_own(fd[1]) ?: tag_own(fd[HALF]);
    if (r == 0 && tag_own(fd[1]) != -E2BIG)
        r = -EPROTO;
    fd[2] = fd_close(fd[2]);
    return r ?: tag_own(fd[1]);
}

static int fill_again_and_again(int channel, void *arg)
{
    static int fd[HALF + 1];
    int r = 0;

    (void)arg;
    for (int turn = 0; r == 0 && turn < 10; turn++) {
        close_all(fd, turn ? ARRAY_SIZE(fd) : 0);
        r = fill_half(fd);
    }
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

/* Not the honest one's namesake: that one would have to share. */
static void test_half_of_the_tags_are_for_others(void **state)
{
    (void)state;
    hostile_start(ATTACKER_UID + 1, fill_again_and_again, NULL);
    honest_go_on(200);
    hostile_wait();
    honest_go_on(200);
    hostile_end();
}

#define HOSTILE(test) cmocka_unit_test_setup_teardown(test, hostile_setup, hostile_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE(test_half_messages_with_few_descriptors),
        HOSTILE(test_connections_with_few_descriptors),
        HOSTILE(test_no_memory_and_no_threads),
    };
    const struct CMUnitTest few_tags[] = {
        HOSTILE(test_half_of_the_tags_are_for_others),
    };
    int failed = run_world("hostile, scarce", tests, ARRAY_SIZE(tests), &(struct world_options){.no_daemon = true});

    return failed + run_world("hostile, few tags", few_tags, ARRAY_SIZE(few_tags),
                              &(struct world_options){.no_daemon = true, .config = "[maps]\ncookie_tag = 200\n"});
}
