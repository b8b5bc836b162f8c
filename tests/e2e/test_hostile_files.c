/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Peers of fwmarkd whose descriptors make who closes them wait as long as the peer likes, and no signal ends it: files
 * of a FUSE server that never answers, and sockets that lead to one. Any user can have such a server.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "hostile.h"
#include "hostile_fuse.h"
#include "hostile_things.h"
#include "meter.h"

#define UIDS 8
#define MANY_UIDS 40
#define MOST 72 /* of one user: more connections than one may have, and with MESSAGE_FDS each no ETOOMANYREFS yet */

/* How a user's descriptors are made, and how each is handed in. */
struct trap {
    int (*make)(int *fds, unsigned count);
    unsigned users, count;
    unsigned copies; /* of the descriptor, in one message; 0: one, and trafficd has the last */
    bool hangs_up;   /* at once: nobody is there to hear an answer, or to be given something back */
    bool asks;       /* whoever closes it asks the FUSE server something */
};

static int hand_in_trap(const struct trap *trap, int *fd)
{
    int copies[MESSAGE_FDS], connection = knock(), r;

    if (connection < 0)
        return connection;
    for (unsigned i = 0; i < trap->copies; i++)
        copies[i] = *fd;
    r = hand_in(connection, &TAG, sizeof(TAG), trap->copies ? copies : fd, trap->copies ?: 1);
    if (r == 0 && !trap->copies)
        *fd = fd_close(*fd);
    if (trap->hangs_up)
        fd_close(connection);
    return r == -EPIPE ? 0 : r; /* refused at the door */
}

static int set_traps(int channel, void *arg)
{
    const struct trap *trap = arg;
    int fd[MOST], r;

    r = raise_nofile() ?: trap->make(fd, trap->count) ?: say_word(channel) ?: wait_for_go(channel);
    for (unsigned i = 0; r == 0 && i < trap->count; i++)
        r = hand_in_trap(trap, &fd[i]);
    return r ?: say_word(channel) ?: wait_for_end(channel);
}

static void spring(const struct trap *trap)
{
    hostile_may_refuse_namesake();
    fuse_start();
    for (unsigned i = 0; i < trap->users; i++)
        hostile_start(ATTACKER_UID + i, set_traps, (void *)trap);
    hostile_wait();
    fuse_silence();
    hostile_go();
    hostile_wait();
    if (trap->asks)
        assert_int_equal(fuse_somebody_waits(), 0);
}

/* Honest clients are served while it lasts, by a trafficd that is stopped and started meanwhile too. */
static void survive(const struct trap *trap)
{
    spring(trap);
    honest_go_on(300);
    trafficd_restart(0);
    honest_go_on(100);
    fuse_end();
    hostile_end();
}

static int files(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fds[i] = fuse_open();
        if (fds[i] < 0)
            return fds[i];
    }
    return 0;
}

static void test_file_of_a_silent_server(void **state)
{
    static const struct trap FILES = {.make = files, .users = UIDS, .count = 60, .copies = 1, .asks = true};

    (void)state;
    survive(&FILES);
}

static void test_many_files_of_a_silent_server(void **state)
{
    static const struct trap FILES = {.make = files, .users = UIDS, .count = MOST, .copies = MESSAGE_FDS, .asks = true};

    (void)state;
    survive(&FILES);
}

/* Sockets, to all appearance; their queues cannot be emptied. */
static int unwritten(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fds[i] = fuse_unwritten_in_queue();
        if (fds[i] < 0)
            return fds[i];
    }
    return 0;
}

static void test_unwritten_file_in_the_queue_of_a_socket(void **state)
{
    static const struct trap QUEUES = {.make = unwritten, .users = UIDS, .count = 60, .asks = true};

    (void)state;
    survive(&QUEUES);
}

static void test_unwritten_file_left_behind(void **state)
{
    static const struct trap QUEUES = {.make = unwritten, .users = UIDS, .count = MOST, .hangs_up = true, .asks = true};

    (void)state;
    survive(&QUEUES);
}

/* Internet sockets. Whoever closes one last takes it out of each epoll that watches it, when that is not busy. */
static int watched(int *fds, unsigned count)
{
    struct epoll_event event = {.events = EPOLLOUT};
    _cleanup_fd_ int watcher = epoll_create1(EPOLL_CLOEXEC);
    pid_t pid;

    for (unsigned i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fds[i] < 0 || epoll_ctl(watcher, EPOLL_CTL_ADD, fds[i], &event) < 0)
            return -errno;
    }
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close_all(fds, count);
        epoll_wait(watcher, fuse_page(), (int)count, -1); /* busy with telling it to a page that never comes */
        _exit(0);
    }
    return pid < 0 ? -errno : fuse_somebody_waits();
}

static void test_socket_that_a_busy_epoll_watches(void **state)
{
    static const struct trap WATCHED = {.make = watched, .users = UIDS, .count = 10};

    (void)state;
    survive(&WATCHED);
}

/* More than trafficd has threads, if each could have one. */
static void test_watched_sockets_of_one_user(void **state)
{
    static const struct trap WATCHED = {.make = watched, .users = 1, .count = MOST};

    (void)state;
    survive(&WATCHED);
}

static void test_watched_sockets_left_behind(void **state)
{
    static const struct trap WATCHED = {.make = watched, .users = 1, .count = MOST, .hangs_up = true};

    (void)state;
    survive(&WATCHED);
}

static void test_watched_sockets_of_many_users(void **state)
{
    static const struct trap WATCHED = {.make = watched, .users = MANY_UIDS, .count = 4, .hangs_up = true};

    (void)state;
    survive(&WATCHED);
}

/* Its lock is held by a process that sends what it has to read first. */
static int locked(int *fds, unsigned count)
{
    int listener = lingering_listener((int)count), r = listener < 0 ? listener : 0;

    for (unsigned i = 0; r == 0 && i < count; i++) {
        fds[i] = connected_socket(listener);
        if (fds[i] < 0)
            return fds[i];
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            send(fds[i], fuse_page(), 1, MSG_NOSIGNAL);
            _exit(0);
        }
        r = pid < 0 ? -errno : fuse_somebody_waits();
    }
    return r;
}

static void test_socket_that_is_locked_for_ever(void **state)
{
    static const struct trap LOCKED = {.make = locked, .users = UIDS, .count = 10, .copies = 1};

    (void)state;
    survive(&LOCKED);
}

/* What is left of a killed trafficd, held up by a peer, is in nobody's way. */
static void test_killed_while_it_waits(void **state)
{
    static const struct trap WATCHED = {.make = watched, .users = 1, .count = 4};

    (void)state;
    spring(&WATCHED);
    honest_go_on(100);
    trafficd_killed();
    honest_go_on(100);
    fuse_end();
    hostile_end();
}

static int files_teardown(void **state)
{
    fuse_end();
    return hostile_teardown(state);
}

#define HOSTILE(test) cmocka_unit_test_setup_teardown(test, hostile_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE(test_file_of_a_silent_server),
        HOSTILE(test_many_files_of_a_silent_server),
        HOSTILE(test_unwritten_file_in_the_queue_of_a_socket),
        HOSTILE(test_unwritten_file_left_behind),
        HOSTILE(test_socket_that_a_busy_epoll_watches),
        HOSTILE(test_watched_sockets_of_one_user),
        HOSTILE(test_watched_sockets_left_behind),
        HOSTILE(test_watched_sockets_of_many_users),
        HOSTILE(test_socket_that_is_locked_for_ever),
        HOSTILE(test_killed_while_it_waits),
    };

    return run_world("hostile, files", tests, ARRAY_SIZE(tests), &(struct world_options){.no_daemon = true});
}
