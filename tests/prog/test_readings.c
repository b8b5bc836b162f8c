/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who may have readings of trafficd, and who cannot keep others from them. Served by a child, asked by real users. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>
#include <grp.h>

#include "ask.h"
#include "fd.h"
#include "readings.h"
#include "readings_answer.h"
#include "surroundings.h"

#define _cleanup_counts_ _cleanup_(nft_counts_done)
#define _cleanup_snapshot_ _cleanup_(nft_snapshot_done)

#define GROUP 5555
#define MEMBER 4711
#define OTHER_MEMBER 4712
#define STRANGER 4713

/* What the server says, and what it is asked to do. */
struct shared {
    atomic_uint counted; /* what is served is what this was when it was read */
    atomic_uint read;
    atomic_int error;
    atomic_int read_ms; /* what a reading takes */
    atomic_uint descriptors;
};

static struct place {
    char folder[64], path[96];
    struct shared *shared;
    pid_t server;
    int ready[2];
} place;

static int read_now(void *context, int *ret_fd)
{
    struct shared *shared = context;
    struct tctl_state state = {.abi_version = TCTL_ABI_VERSION, .since_sec = 1};
    _cleanup_counts_ struct nft_counts counts = {0};
    const struct tctl_stats_value value = {.tx_packets = shared->counted};
    shared->read++;
    if (nft_ledger_add(&counts.rows[NFT_UIDS], 1000, 0, &value) < 0)
        return -ENOMEM;
    poll(NULL, 0, shared->read_ms);
    return shared->error ?: nft_snapshot_seal(&state, &counts, ret_fd);
}

/* How many it has open, whenever it is told SIGUSR1. */
static void count_descriptors(evutil_socket_t signal, short what, void *data)
{
    unsigned int count = 1;
    (void)signal, (void)what;
    for (int fd = 0; fd < 2048; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    ((struct shared *)data)->descriptors = count;
}

static int serve(void *context)
{
    struct shared *shared = context;
    struct readings *readings = NULL;
    struct fault fault = {0};
    const struct rlimit few = {1024, 1024};
    struct event_base *base = event_base_new();
    struct event *counting = evsignal_new(base, SIGUSR1, count_descriptors, shared);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_NOFILE, &few);
    if (evsignal_add(counting, NULL) < 0 ||
        readings_new(base, place.path, GROUP, read_now, shared, &readings, &fault) < 0) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    if (write(place.ready[1], "x", 1) != 1)
        return 1;
    event_base_dispatch(base);
    return 1;
}

/* A child is ready: it has said so. */
static void await_ready(void)
{
    struct pollfd ready = {.fd = place.ready[0], .events = POLLIN};
    char byte;
    assert_int_equal(poll(&ready, 1, 20000), 1);
    assert_int_equal(read(place.ready[0], &byte, 1), 1);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(place.folder, "/tmp/test_readings.XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    assert_return_code(chmod(place.folder, 0755), errno);
    snprintf(place.path, sizeof(place.path), "%s/" TCTL_DIR, place.folder);
    assert_return_code(mkdir(place.path, 0755), errno);
    assert_return_code(chmod(place.path, 0755), errno);
    snprintf(place.path, sizeof(place.path), "%s/" READINGS_SOCKET, place.folder);
    place.shared = mmap(NULL, sizeof(*place.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(place.shared, MAP_FAILED);
    assert_return_code(pipe2(place.ready, O_CLOEXEC), errno);
    place.server = surroundings_fork(serve, place.shared);
    await_ready();
    return 0;
}

static void stop(int signal)
{
    int status;
    if (place.server > 0) {
        kill(place.server, signal);
        waitpid(place.server, &status, 0);
    }
    place.server = 0;
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    stop(SIGKILL);
    fd_close(place.ready[0]);
    fd_close(place.ready[1]);
    munmap(place.shared, sizeof(*place.shared));
    snprintf(command, sizeof(command), "rm -rf %s", place.folder);
    return system(command);
}

/* As a user, with the group or without. */
struct user {
    uid_t uid;
    bool member;
};

static int become(const struct user *user)
{
    const gid_t group = GROUP;
    return setgroups(user->member ? 1 : 0, &group) < 0 || setresgid(user->uid, user->uid, user->uid) < 0 ||
                   setresuid(user->uid, user->uid, user->uid) < 0
               ? -errno
               : 0;
}

static uint64_t packets_in(const struct nft_snapshot *snapshot)
{
    const struct nft_ledger_row *row = nft_ledger_find(&snapshot->counts.rows[NFT_UIDS], 1000, 0);
    return row ? row->value.tx_packets : 0;
}

/* Exit status: the errno of asking, 255: another reading than there is. */
static int ask_as(void *context)
{
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    int r = become(context);
    const unsigned int counted = place.shared->counted;
    if (r == 0)
        r = nft_ask(place.folder, &snapshot);
    if (r == 0 && packets_in(&snapshot) < counted)
        return 255;
    return -r;
}

static int ask(uid_t uid, bool member)
{
    struct user user = {uid, member};
    return surroundings_wait(surroundings_fork(ask_as, &user));
}

static void group_may_read_and_nobody_else(void **state)
{
    struct stat file;
    (void)state;
    place.shared->counted = 7;
    assert_int_equal(ask(MEMBER, true), 0);
    assert_int_equal(ask(0, false), 0);
    assert_int_equal(ask(STRANGER, false), EACCES);
    assert_return_code(stat(place.path, &file), errno);
    assert_int_equal(file.st_mode, S_IFSOCK | 0660);
    assert_int_equal(file.st_uid, 0);
    assert_int_equal(file.st_gid, GROUP);
}

static void who_asks_after_it_was_counted_sees_it(void **state)
{
    (void)state;
    for (unsigned int i = 1; i <= 20; i++) {
        _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
        place.shared->counted = i;
        assert_int_equal(nft_ask(place.folder, &snapshot), 0);
        assert_int_equal(packets_in(&snapshot), i);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#define CROWD 40

static void all_who_ask_together_get_one(void **state)
{
    (void)state;
    pid_t children[CROWD];
    struct user user = {MEMBER, true};
    place.shared->read_ms = 20;
    const uint64_t before = now_ms();
    for (size_t i = 0; i < CROWD; i++)
        children[i] = surroundings_fork(ask_as, &user);
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(surroundings_wait(children[i]), 0);
    const uint64_t turns = (now_ms() - before) / 50 + 2;
    print_message("%u readings in %d ms\n", place.shared->read, (int)(now_ms() - before));
    assert_true(place.shared->read <= turns);
}

/* Connected, and nothing else. */
static int connect_as_is(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, place.path, strlen(place.path) + 1);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return fd_close(fd);
    return fd;
}

/* Many that never read; and they write, and shut down, and stay. Ends when it is killed. */
static int never_read(void *context)
{
    const struct rlimit many = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &many);
    if (become(context) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return 1;
    for (int i = 0; i < 2000; i++) {
        int fd = connect_as_is();
        if (fd < 0)
            return 2;
        if (i % 3 == 1 && send(fd, "x", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
            return 3;
        if (i % 3 == 2)
            shutdown(fd, SHUT_WR);
    }
    if (write(place.ready[1], "x", 1) != 1)
        return 4;
    pause();
    return 5;
}

static unsigned int descriptors(void)
{
    place.shared->descriptors = 0;
    assert_return_code(kill(place.server, SIGUSR1), errno);
    for (int i = 0; i < 1000 && place.shared->descriptors == 0; i++)
        poll(NULL, 0, 5);
    assert_true(place.shared->descriptors > 0);
    return place.shared->descriptors;
}

static void who_never_reads_holds_up_nobody(void **state)
{
    (void)state;
    struct user user = {MEMBER, true};
    const unsigned int before = descriptors();
    const pid_t child = surroundings_fork(never_read, &user);
    await_ready();
    for (int i = 0; i < 5; i++) {
        const uint64_t began = now_ms();
        assert_int_equal(ask(OTHER_MEMBER, true), 0);
        assert_true(now_ms() - began < 2000);
    }
    assert_int_equal(ask(MEMBER, true), EBUSY);
    const unsigned int held = descriptors();
    print_message("%u descriptors, then %u\n", before, held);
    assert_true(held > before && held <= before + 66);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(ask(MEMBER, true), 0); /* all of it is forgotten */
    assert_int_equal(ask(MEMBER, true), 0);
    assert_true(descriptors() <= before + 2);
}

/* Each turn leaves nothing open. */
static void many_turns_leave_nothing(void **state)
{
    (void)state;
    const unsigned int before = descriptors();
    for (int i = 0; i < 30; i++) {
        _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
        assert_int_equal(nft_ask(place.folder, &snapshot), 0);
        fd_close(connect_as_is()); /* and gone before it is answered */
    }
    assert_true(descriptors() <= before + 3);
}

static void failures_are_told(void **state)
{
    (void)state;
    place.shared->error = -ENOBUFS;
    assert_int_equal(ask(MEMBER, true), ENOBUFS);
    place.shared->error = 0;
    assert_int_equal(ask(MEMBER, true), 0);
}

static void nobody_there_is_told_as_such(void **state)
{
    (void)state;
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    stop(SIGKILL);
    assert_int_equal(nft_ask(place.folder, &snapshot), -ENOTCONN);
    assert_int_equal(ask(STRANGER, false), EACCES);
    assert_return_code(unlink(place.path), errno);
    assert_int_equal(nft_ask(place.folder, &snapshot), -ENOTCONN);
    assert_int_equal(nft_ask("/tmp/a-path-that-is-longer-than-any-address-of-a-unix-socket-may-be-as-everybody-knows-"
                             "who-has-tried-it-once",
                             &snapshot),
                     -ENAMETOOLONG);
}

/* Stopped, it takes connections and answers none. */
static void who_does_not_answer_is_given_up(void **state)
{
    (void)state;
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    assert_return_code(kill(place.server, SIGSTOP), errno);
    const uint64_t began = now_ms();
    assert_int_equal(nft_ask(place.folder, &snapshot), -ETIMEDOUT);
    assert_true(now_ms() - began >= 5000 && now_ms() - began < 10000);
}

/* Killed, and started again: the path is taken over. */
static void a_new_server_takes_the_place(void **state)
{
    (void)state;
    stop(SIGKILL);
    place.server = surroundings_fork(serve, place.shared);
    await_ready();
    assert_int_equal(ask(MEMBER, true), 0);
}

/* A server that is none: whatever it sends is refused. */
static void send_answer(int socket, const void *bytes, size_t size, const int *fds, size_t count)
{
    char control[CMSG_SPACE(4 * sizeof(int))] = "";
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        struct cmsghdr *head = (struct cmsghdr *)control;
        *head = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
        message.msg_control = control;
        message.msg_controllen = head->cmsg_len;
    }
    assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), size);
}

static unsigned int open_here(void)
{
    unsigned int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* What asking says to these bytes and so many descriptors; nothing of them stays open. */
static void answers(const void *bytes, size_t size, size_t count, int expected)
{
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fds[4] = {0, 0, 0, 0};
    _cleanup_fd_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, place.path, strlen(place.path) + 1);
    unlink(place.path);
    assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), errno);
    assert_return_code(listen(listener, 1), errno);
    const pid_t child = fork();
    if (child == 0) {
        _cleanup_fd_ int socket = accept(listener, NULL, NULL);
        if (size)
            send_answer(socket, bytes, size, fds, count);
        _exit(0);
    }
    const unsigned int before = open_here();
    assert_int_equal(nft_ask(place.folder, &snapshot), expected);
    assert_int_equal(open_here(), before);
    assert_int_equal(surroundings_wait(child), 0);
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const struct readings_answer RIGHT = {0}, BUSY = {-EBUSY}, POSITIVE = {EBUSY};
    stop(SIGKILL);
    answers(NULL, 0, 0, -ENOTCONN);
    answers(&RIGHT, sizeof(RIGHT), 0, -EBADMSG);
    answers(&RIGHT, sizeof(RIGHT), 1, -EBADMSG); /* of something else */
    answers(&RIGHT, sizeof(RIGHT), 3, -EBADMSG);
    answers(&RIGHT, 1, 1, -EBADMSG);
    answers(&BUSY, sizeof(BUSY), 0, -EBUSY);
    answers(&BUSY, sizeof(BUSY), 1, -EBADMSG);
    answers(&POSITIVE, sizeof(POSITIVE), 0, -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(group_may_read_and_nobody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_after_it_was_counted_sees_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_who_ask_together_get_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_never_reads_holds_up_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_turns_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_as_such, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_answer_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_server_takes_the_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_answer_is_refused, set_up, tear_down),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: readings", tests, NULL, NULL);
}
