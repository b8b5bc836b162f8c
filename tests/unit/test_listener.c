/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "listener.h"

struct place {
    char folder[64];
    char path[96];
    char deep[96]; /* in a folder that is not there */
};

static int place_new(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    *state = place;
    strcpy(place->folder, "/tmp/test_listener.XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->path, sizeof(place->path), "%s/s", place->folder);
    snprintf(place->deep, sizeof(place->deep), "%s/d/s", place->folder);
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("ANDROID_SOCKET_fwmarkd");
    return 0;
}

static int place_remove(void **state)
{
    struct place *place = *state;
    char folder[96];

    unlink(place->path);
    unlink(place->deep);
    snprintf(folder, sizeof(folder), "%s/d", place->folder);
    rmdir(folder);
    int r = rmdir(place->folder);
    free(place);
    return r;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, path);
    return address;
}

/* A socket bound to path, and listening if so wished. */
static int bound(const char *path, int type, bool listening)
{
    const struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, type, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_true(!listening || listen(fd, 5) == 0);
    return fd;
}

static int connects(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;

    close(fd);
    return r;
}

static void opens(const char *path, struct socket_file *listener)
{
    struct fault fault = {0};

    if (listener_open(path, listener, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void refuses(const char *path, int error, const char *why)
{
    struct socket_file listener;
    struct fault fault = {0};

    assert_int_equal(listener_open(path, &listener, &fault), error);
    if (!strstr(fault.text, why))
        fail_msg("'%s' does not say '%s'", fault.text, why);
}

static void check_flags(int fd)
{
    int listening = 0;
    socklen_t size = sizeof(listening);

    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size), 0);
    assert_int_equal(listening, 1);
}

static void anybody_may_connect_whatever_the_umask(void **state)
{
    struct place *place = *state;
    struct socket_file listener;
    char folder[96];
    struct stat file;
    mode_t before = umask(077);

    opens(place->deep, &listener);
    umask(before);
    check_flags(listener.fd);
    assert_int_equal(lstat(place->deep, &file), 0);
    assert_true(S_ISSOCK(file.st_mode));
    assert_int_equal(file.st_mode & 07777, 0666);
    snprintf(folder, sizeof(folder), "%s/d", place->folder);
    assert_int_equal(stat(folder, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0755);
    assert_int_equal(connects(place->deep), 0);
    socket_file_done(&listener);
    assert_int_equal(access(place->deep, F_OK), -1);
}

static void a_folder_that_is_there_stays_as_it_is(void **state)
{
    struct place *place = *state;
    struct socket_file listener;
    struct stat folder;

    opens(place->path, &listener);
    assert_int_equal(stat(place->folder, &folder), 0);
    assert_int_equal(folder.st_mode & 07777, 0700);
    socket_file_done(&listener);
    snprintf(place->deep, sizeof(place->deep), "%s/d/e/s", place->folder);
    refuses(place->deep, -ENOENT, "cannot make the socket");
}

static void a_stale_socket_is_replaced(void **state)
{
    struct place *place = *state;
    struct socket_file listener;

    close(bound(place->path, SOCK_STREAM, true));
    opens(place->path, &listener);
    assert_int_equal(connects(place->path), 0);
    socket_file_done(&listener);
}

static void a_server_that_answers_is_left_alone(void **state)
{
    struct place *place = *state;
    int other = bound(place->path, SOCK_STREAM, true);
    char who[96];

    snprintf(who, sizeof(who), "another server answers on %.40s", place->path);
    refuses(place->path, -EADDRINUSE, who);
    snprintf(who, sizeof(who), "(pid %d)", (int)getpid());
    refuses(place->path, -EADDRINUSE, who);
    assert_int_equal(connects(place->path), 0);
    close(other);
}

/* Killed, and something holds on to what it had: nobody will ever answer there. */
static void a_server_that_is_no_more_is_replaced(void **state)
{
    struct place *place = *state;
    int other = bound(place->path, SOCK_STREAM, false);
    struct socket_file listener;
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(listen(other, 5) < 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(connects(place->path), 0);
    opens(place->path, &listener);
    assert_int_equal(connects(place->path), 0);
    close(other);
    assert_int_equal(connects(place->path), 0);
    socket_file_done(&listener);
}

static void a_socket_of_another_type_is_left_alone(void **state)
{
    struct place *place = *state;
    int other = bound(place->path, SOCK_DGRAM, false);

    refuses(place->path, -EADDRINUSE, "is in use");
    close(other);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    struct place *place = *state;
    struct stat file;

    close(open(place->path, O_CREAT | O_WRONLY, 0600));
    refuses(place->path, -EEXIST, "is no socket");
    assert_int_equal(lstat(place->path, &file), 0);
    assert_true(S_ISREG(file.st_mode));
    unlink(place->path);
    assert_int_equal(symlink("/nonexistent", place->path), 0);
    refuses(place->path, -EEXIST, "is no socket");
}

static void another_ones_socket_is_not_removed(void **state)
{
    struct place *place = *state;
    struct socket_file listener;

    opens(place->path, &listener);
    unlink(place->path);
    int other = bound(place->path, SOCK_STREAM, true);
    socket_file_done(&listener);
    assert_int_equal(connects(place->path), 0);
    close(other);
}

static void set_number(const char *name, int number)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", number);
    setenv(name, text, 1);
}

/* In a child, whose descriptors from 3 on are as a service manager leaves them. */
static void in_child(void (*check)(struct place *place), struct place *place)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        check(place);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* For a child: cmocka's way out of a failure is the parent's. */
#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%d: %s\n", __LINE__, #what);                                                              \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void take_systemd(struct place *place)
{
    struct socket_file listener;
    int datagrams = bound(place->path, SOCK_DGRAM, false);
    int listening = bound(place->deep, SOCK_STREAM, true);

    CHECK(dup2(datagrams, 3) == 3 && dup2(listening, 4) == 4 && fcntl(4, F_SETFL, O_NONBLOCK) == 0);
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", 2);
    CHECK(listener_open("/nonexistent/x", &listener, NULL) == 0);
    CHECK(listener.fd == 4 && fcntl(4, F_GETFD) == FD_CLOEXEC && !(fcntl(4, F_GETFL) & O_NONBLOCK));
    CHECK(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS"));
    socket_file_done(&listener);
    CHECK(access(place->deep, F_OK) == 0);
}

static void systemds_socket_wins_over_the_path(void **state)
{
    struct place *place = *state;

    snprintf(place->deep, sizeof(place->deep), "%s/t", place->folder);
    in_child(take_systemd, place);
}

static void refuse_systemd(struct place *place)
{
    struct socket_file listener;
    struct fault fault = {0};

    CHECK(dup2(bound(place->path, SOCK_STREAM, false), 3) == 3);
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", 1);
    CHECK(listener_open("/nonexistent/x", &listener, &fault) == -ENOTSOCK);
    CHECK(strstr(fault.text, "none is a listening Unix stream socket"));
}

static void systemds_socket_has_to_listen(void **state)
{
    in_child(refuse_systemd, *state);
}

static void ignore_systemd(struct place *place)
{
    struct socket_file listener;

    CHECK(dup2(bound(place->deep, SOCK_STREAM, true), 3) == 3);
    set_number("LISTEN_PID", getppid());
    set_number("LISTEN_FDS", 1);
    CHECK(listener_open(place->path, &listener, NULL) == 0);
    CHECK(listener.path && !getenv("LISTEN_PID") && !getenv("LISTEN_FDS"));
    socket_file_done(&listener);
}

static void what_was_handed_to_another_process_is_not_ours(void **state)
{
    struct place *place = *state;

    snprintf(place->deep, sizeof(place->deep), "%s/t", place->folder);
    in_child(ignore_systemd, place);
}

/* Android's init binds; listening is the service's part. */
static void androids_socket_wins_over_the_path(void **state)
{
    struct place *place = *state;
    int fd = bound(place->path, SOCK_STREAM, false);
    struct socket_file listener;

    set_number("ANDROID_SOCKET_fwmarkd", fd);
    opens("/nonexistent/x", &listener);
    assert_int_equal(listener.fd, fd);
    assert_null(getenv("ANDROID_SOCKET_fwmarkd"));
    check_flags(fd);
    assert_int_equal(connects(place->path), 0);
    socket_file_done(&listener);
    assert_int_equal(access(place->path, F_OK), 0);
}

static void androids_socket_has_to_be_one(void **state)
{
    (void)state;
    static const char *const NUMBERS[] = {"", "x", "-1", "4294967295", "999"};

    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(*NUMBERS); i++) {
        setenv("ANDROID_SOCKET_fwmarkd", NUMBERS[i], 1);
        refuses("/nonexistent/x", -ENOTSOCK, "ANDROID_SOCKET_fwmarkd is not");
    }
}

int main(void)
{
#define PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, place_new, place_remove)
    const struct CMUnitTest tests[] = {
        PLACE_TEST(anybody_may_connect_whatever_the_umask),
        PLACE_TEST(a_folder_that_is_there_stays_as_it_is),
        PLACE_TEST(a_stale_socket_is_replaced),
        PLACE_TEST(a_server_that_answers_is_left_alone),
        PLACE_TEST(a_server_that_is_no_more_is_replaced),
        PLACE_TEST(a_socket_of_another_type_is_left_alone),
        PLACE_TEST(what_is_no_socket_is_left_alone),
        PLACE_TEST(another_ones_socket_is_not_removed),
        PLACE_TEST(systemds_socket_wins_over_the_path),
        PLACE_TEST(systemds_socket_has_to_listen),
        PLACE_TEST(what_was_handed_to_another_process_is_not_ours),
        PLACE_TEST(androids_socket_wins_over_the_path),
        PLACE_TEST(androids_socket_has_to_be_one),
    };

    return unit_run(tests);
}
