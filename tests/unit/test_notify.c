/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

/* A socket bound where NOTIFY_SOCKET says. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    if (*name == '@')
        address.sun_path[0] = '\0';
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(name);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void hears(int fd, const char *expected)
{
    char text[128] = "";

    assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, expected);
}

static void notify_tells_a_socket(const char *name)
{
    int fd = listen_at(name);
    unsigned long long usec;
    struct timespec now;
    char text[128] = "";

    assert_int_equal(notify_ready(), 0);
    hears(fd, "READY=1");
    assert_int_equal(notify_stopping(), 0);
    hears(fd, "STOPPING=1");
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_int_equal(notify_reloading(), 0);
    assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
    unsigned long long before = now.tv_sec * 1000000ull + now.tv_nsec / 1000;
    assert_in_range(usec, before, before + 60000000);
    close(fd);
}

static void notify_tells_an_abstract_socket(void **state)
{
    (void)state;
    char name[64];

    snprintf(name, sizeof(name), "@test_notify.%d", (int)getpid());
    notify_tells_a_socket(name);
}

static void notify_tells_a_socket_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_notify.XXXXXX", name[64];

    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof(name), "%s/socket", folder);
    notify_tells_a_socket(name);
    unlink(name);
    assert_int_equal(notify_ready(), -ENOENT);
    assert_int_equal(rmdir(folder), 0);
}

static void notify_without_a_manager_is_fine(void **state)
{
    (void)state;
    char name[256];

    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_ready(), 0);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(notify_ready(), -EINVAL);
    memset(name, '/', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(notify_ready(), -EINVAL);
}

static void notify_gives_up_who_does_not_listen(void **state)
{
    (void)state;
    char name[64];
    int told = 0, r = 0;

    snprintf(name, sizeof(name), "@test_notify.%d", (int)getpid());
    int fd = listen_at(name);
    alarm(60);
    while (r == 0 && told++ < 100000)
        r = notify_ready();
    alarm(0);
    assert_int_equal(r, -EAGAIN);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify_tells_an_abstract_socket),
        cmocka_unit_test(notify_tells_a_socket_file),
        cmocka_unit_test(notify_without_a_manager_is_fine),
        cmocka_unit_test(notify_gives_up_who_does_not_listen),
    };

    return unit_run(tests);
}
