/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tags outlive trafficd, and so do their limits; where its socket lies, who may hand it one, and who serves it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "charge.h"
#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define USER 10001
#define OTHER 10002
#define TAGS TCTL_TAGS_PER_UID

static int tag(int fd, uint32_t number)
{
    return fwmark_tag(FWMARK_USER(USER), fd, FWMARK_CALLER, number);
}

static void stop(int number)
{
    assert_int_equal(world_stop_daemon(the_world, number, NULL), 0);
}

static void start(void)
{
    assert_int_equal(world_start_daemon(the_world), 0);
}

static void test_tags_outlive_trafficd(void **state)
{
    static const int ends[] = {SIGTERM, SIGKILL, SIGINT};
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_TCP, 1);
    struct tctl_counters before;

    (void)state;
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER, 1), 0);
    assert_int_equal(tag(flow.tcp.a, 5), 0);
    charge_flow_exact(&flow, USER, 5, 1);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        before = tag_sum(the_world, USER, 5);
        stop(ends[i]);
        assert_counters_equal("when it is gone", tag_sum(the_world, USER, 5), before);
        charge_flow_exact(&flow, USER, 5, 1);
        before = tag_sum(the_world, USER, 5);
        start();
        assert_tag(the_world, flow.tcp.a, USER, 5);
        assert_counters_equal("when it is back", tag_sum(the_world, USER, 5), before);
        charge_flow_exact(&flow, USER, 5, 1);
    }
    assert_int_equal(fwmark_untag(FWMARK_USER(USER), flow.tcp.a), 0);
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER, 0), 0);
    charge_flow_exact(&flow, USER, 0, 0);
    charge_flow_end(&flow);
}

/* Half of the tags are in use, under the others something was counted; both are tags that the user is charged under. */
static void test_limit_of_tags_outlives_trafficd(void **state)
{
    struct udp udp = udp_pair(the_world, USER, AF_INET, 1);
    int fd[TAGS / 2];

    (void)state;
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
    for (uint32_t i = 0; i < TAGS / 2; i++) {
        assert_int_equal(tag(udp.a, 1000 + i), 0);
        udp_send(udp.a, udp.b, 10);
        fd[i] = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);
        assert_true(fd[i] >= 0);
        assert_int_equal(tag(fd[i], 2000 + i), 0);
    }
    assert_int_equal(tag(udp.a, 5), -EMFILE);
    for (int i = 0; i < 2; i++) {
        stop(i ? SIGKILL : SIGTERM);
        map_empty(the_world, TCTL_DIR "/tag_count"); /* it is made anew by what is there */
        start();
        assert_int_equal(tag(udp.a, 5), -EMFILE);
        assert_int_equal(tag(udp.a, 1000), 0);
        assert_int_equal(tag(udp.a, 2000), 0);
    }
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 1000), 0);
    assert_int_equal(tag(udp.a, 5), 0);
    for (uint32_t i = 0; i < TAGS / 2; i++)
        fd_close(fd[i]);
    udp_close(&udp);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
}

/* What was never counted for and has no socket any more is a tag no more. */
static void test_unused_tags_are_forgotten_at_the_start(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_true(fd >= 0);
    for (uint32_t i = 1; i <= TAGS; i++)
        assert_int_equal(tag(fd, i), 0);
    assert_int_equal(tag(fd, TAGS + 1), -EMFILE);
    stop(SIGTERM);
    start();
    assert_tag(the_world, fd, USER, TAGS);
    for (uint32_t i = 1; i < TAGS; i++)
        assert_int_equal(tag(fd, 1000 + i), 0);
    assert_int_equal(tag(fd, TAGS), 0);
    assert_int_equal(tag(fd, 5), -EMFILE);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
}

/* Anybody may write to it: each command checks who asks. */
static void test_socket_is_open_to_all(void **state)
{
    struct stat is;

    (void)state;
    assert_return_code(stat(the_world->fwmarkd, &is), errno);
    assert_int_equal(is.st_mode, S_IFSOCK | 0666);
    assert_int_equal(is.st_uid, 0);
}

static int bound_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof(at)), errno);
    assert_return_code(chmod(path, 0666), errno);
    return fd;
}

static int listen_at(const char *path)
{
    int fd = bound_at(path);

    assert_return_code(listen(fd, 128), errno);
    return fd;
}

/* trafficd gives up, and says something of the path. */
static void start_fails(const char *path)
{
    _cleanup_fd_ int text = memfd_create("said", MFD_CLOEXEC), error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    char said[4096] = "";
    int r;

    assert_true(text >= 0 && error >= 0);
    dup2(text, STDERR_FILENO);
    r = world_start_daemon(the_world);
    dup2(error, STDERR_FILENO);
    assert_true(pread(text, said, sizeof(said) - 1, 0) >= 0);
    assert_int_equal(r, -ECHILD);
    if (!strstr(said, path))
        fail_msg("it does not say what is wrong with %s, but: %s", path, said);
}

/* Somebody else serves there: he goes on. */
static void test_two_servers_at_one_path(void **state)
{
    int first, connection;

    (void)state;
    stop(SIGTERM);
    unlink(the_world->fwmarkd);
    first = listen_at(the_world->fwmarkd);
    start_fails(the_world->fwmarkd);
    while ((connection = accept4(first, NULL, NULL, SOCK_CLOEXEC)) >= 0) /* whoever asked if anybody is there */
        fd_close(connection);
    fd_close(fwmark_connect(FWMARK_USER(USER)));
    connection = accept4(first, NULL, NULL, SOCK_CLOEXEC);
    assert_true(connection >= 0);
    fd_close(connection);
    fd_close(first);
    start(); /* what nobody listens at any more is in nobody's way */
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER, 0), 0);
}

/* What is no socket is not ours to remove. */
static void test_file_in_the_place_of_the_socket(void **state)
{
    struct stat is;
    int fd;

    (void)state;
    stop(SIGTERM);
    unlink(the_world->fwmarkd);
    fd = open(the_world->fwmarkd, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(fd);
    start_fails(the_world->fwmarkd);
    assert_return_code(stat(the_world->fwmarkd, &is), errno);
    assert_true(S_ISREG(is.st_mode));
    assert_return_code(unlink(the_world->fwmarkd), errno);
    start();
}

/* trafficd serves at the path that it was handed, and nowhere else. */
static void served_at(const char *path, int connection, int fd, uid_t uid)
{
    const uint32_t message[] = {FWMARK_TAG, 0, FWMARK_CALLER, 5};

    if (connection < 0)
        connection = fwmark_connect_at(path, FWMARK_USER(uid));
    fwmark_send(connection, message, sizeof(message), &fd, 1);
    assert_int_equal(fwmark_reply(connection, FWMARK_PATIENCE_MS), 0);
    assert_tag(the_world, fd, uid, 5);
    fd_close(connection);
    assert_int_equal(access(the_world->fwmarkd, F_OK), -1);
}

/* Who connects while it is away is answered when it is back, and the path is another's to remove. */
static void handed_over(const char *variable, int (*socket_at)(const char *path))
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);
    char path[96];
    int early;

    assert_true(fd >= 0);
    stop(SIGTERM);
    unlink(the_world->fwmarkd);
    snprintf(path, sizeof(path), "%s/handed", the_world->folder);
    the_world->handed = socket_at(path);
    the_world->handed_in = variable;
    start();
    served_at(path, -1, fd, USER);
    stop(SIGTERM);
    early = fwmark_connect_at(path, FWMARK_USER(OTHER));
    start();
    served_at(path, early, fd, OTHER);
    stop(SIGKILL);
    assert_return_code(unlink(path), errno);
    the_world->handed = fd_close(the_world->handed);
    start();
}

static void test_service_manager_hands_over_a_socket(void **state)
{
    (void)state;
    handed_over("LISTEN_FDS", listen_at);
}

/* It is bound, and to be listened at by whom it is for. */
static void test_android_init_hands_over_a_socket(void **state)
{
    (void)state;
    handed_over("ANDROID_SOCKET_fwmarkd", bound_at);
}

static void test_socket_handed_to_another_process(void **state)
{
    (void)state;
    stop(SIGTERM);
    assert_return_code(setenv("LISTEN_PID", "1", 1), errno);
    assert_return_code(setenv("LISTEN_FDS", "1", 1), errno);
    start();
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER, 0), 0);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
}

/* Told by SIGHUP, which nobody answers. */
static void let_account(uid_t uid)
{
    uint64_t begin = now_ms();
    char config[64];

    snprintf(config, sizeof(config), "accounting_uids = %u\n", uid);
    assert_int_equal(world_configure(the_world, config), 0);
    assert_return_code(kill(the_world->daemon, SIGHUP), errno);
    while (fwmark_counter_set(FWMARK_USER(uid), USER, 0) != 0 && now_ms() - begin < 3000)
        usleep(1000);
    assert_int_equal(fwmark_counter_set(FWMARK_USER(uid), USER, 0), 0);
}

static void kill_and_wait(pid_t pid)
{
    _cleanup_fd_ int pidfd = pidfd_open(pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    assert_true(pidfd >= 0);
    assert_return_code(kill(pid, SIGKILL), errno);
    assert_int_equal(poll(&end, 1, FWMARK_PATIENCE_MS), 1);
}

/* Whoever connects meanwhile is answered by the next one, which knows what the first one was told. */
static void test_server_that_is_killed(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_true(fd >= 0);
    let_account(OTHER);
    for (uint32_t i = 1; i <= 2; i++) {
        pid_t killed = fwmark_server();

        kill_and_wait(killed);
        assert_int_equal(tag(fd, i), 0);
        assert_tag(the_world, fd, USER, i);
        assert_int_equal(fwmark_counter_set(FWMARK_USER(OTHER), USER, 0), 0);
        assert_int_not_equal(fwmark_server(), killed);
    }
    assert_int_equal(world_configure(the_world, NULL), 0);
    stop(SIGTERM);
    start();
    assert_int_equal(fwmark_counter_set(FWMARK_USER(OTHER), USER, 0), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_outlive_trafficd),
        cmocka_unit_test(test_limit_of_tags_outlives_trafficd),
        cmocka_unit_test(test_unused_tags_are_forgotten_at_the_start),
        cmocka_unit_test(test_socket_is_open_to_all),
        cmocka_unit_test(test_two_servers_at_one_path),
        cmocka_unit_test(test_file_in_the_place_of_the_socket),
        cmocka_unit_test(test_service_manager_hands_over_a_socket),
        cmocka_unit_test(test_android_init_hands_over_a_socket),
        cmocka_unit_test(test_socket_handed_to_another_process),
        cmocka_unit_test(test_server_that_is_killed),
    };

    return run_both("fwmarkd over restarts", tests, ARRAY_SIZE(tests));
}
