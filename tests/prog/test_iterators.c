/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What reading the pinned iterators finds: live sockets, whoever has them. Root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/capability.h>
#include <netinet/in.h>

#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "loopback.h"
#include "surroundings.h"
#include "tagging.h"

#define PATIENCE_MS 2000 /* sockets go after the kernel's grace period */

static int set_up(void **state)
{
    *state = fixture_new(false);
    fixture_load(*state);
    return 0;
}

static void ask(const struct fixture *fixture, uint64_t cookie)
{
    fixture_put(fixture, PIN_LIVE, &cookie, &(struct tctl_live){.asked = 7});
}

static uint64_t seen(const struct fixture *fixture, uint64_t cookie)
{
    struct tctl_live live;

    assert_true(fixture_get(fixture, PIN_LIVE, &cookie, &live));
    assert_int_equal(live.asked, 7);
    return live.seen;
}

/* There is nothing to read. */
static void look(const struct fixture *fixture, enum pin_id id)
{
    char byte;

    _cleanup_fd_ int fd = open(fixture_path(fixture, pins[id].path), O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(read(fd, &byte, 1), 0);
}

static bool is_found(const struct fixture *fixture, enum pin_id id, uint64_t cookie)
{
    ask(fixture, cookie);
    look(fixture, id);
    return seen(fixture, cookie) > 0;
}

static void check(const struct fixture *fixture, uint64_t cookie, bool stored, bool open)
{
    assert_int_equal(is_found(fixture, PIN_STORED_SOCKETS, cookie), stored);
    assert_int_equal(is_found(fixture, PIN_OPEN_SOCKETS, cookie), open);
}

static void wait_until_gone(const struct fixture *fixture, uint64_t cookie)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int i = 0; i < PATIENCE_MS && is_found(fixture, PIN_STORED_SOCKETS, cookie); i++)
        nanosleep(&moment, NULL);
    check(fixture, cookie, false, false);
}

static void tag(const struct fixture *fixture, int fd)
{
    loopback_tag(fixture, fd, 10001, 5);
}

/* The descriptor is the message's then. */
static void send_away(int channel, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec byte = {"", 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    assert_int_equal(sendmsg(channel, &message, 0), 1);
    fd_close(fd);
}

static void stored_has_what_nobody_holds(void **state)
{
    const struct fixture *fixture = *state;
    int channel[2], fd = loopback_udp(fixture);
    const uint64_t cookie = loopback_cookie(fd);

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    tag(fixture, fd);
    check(fixture, cookie, true, true);
    send_away(channel[0], fd);
    check(fixture, cookie, true, false);
    fd_close(channel[0]);
    fd_close(channel[1]);
    wait_until_gone(fixture, cookie);
}

/* Where the release hook is missing, whose tag stays. */
static void stored_has_what_sends_after_its_close(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_fd_ int hook = fixture_pin(fixture, PIN_RELEASE_LINK);
    assert_return_code(bpf_link_detach(hook), errno);
    struct stuffed stuffed = loopback_stuff(fixture, 10001, 5);
    const uint64_t cookie = loopback_cookie(stuffed.a);

    fd_close(stuffed.a);
    check(fixture, cookie, true, false);
    loopback_drain(&stuffed);
    wait_until_gone(fixture, cookie);
}

static void open_has_what_never_sent(void **state)
{
    const struct fixture *fixture = *state;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    const uint64_t cookie = loopback_cookie(fd);
    check(fixture, cookie, false, true);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    fd_close(fd);
    check(fixture, cookie, false, true);
    fd_close(copy);
    check(fixture, cookie, false, false);
}

static const struct {
    int family, type, protocol;
} KINDS[] = {
    {AF_INET, SOCK_STREAM, 0},
    {AF_INET6, SOCK_DGRAM, 0},
    {AF_INET, SOCK_RAW, IPPROTO_ICMP},
    {AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
    {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
};

/* In a network namespace of its own; ends when the channel does. Not to assert in. */
static int hold_sockets(void *context)
{
    const int *channel = context;
    char byte;

    fd_close(channel[0]);
    if (unshare(CLONE_NEWNET) < 0)
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
        uint64_t cookie;
        socklen_t size = sizeof(cookie);
        int fd = socket(KINDS[i].family, KINDS[i].type | SOCK_CLOEXEC, KINDS[i].protocol);
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 ||
            write(channel[1], &cookie, size) != size)
            return 2;
    }
    return read(channel[1], &byte, 1) == 0 ? 0 : 3;
}

static void open_has_every_kind_in_every_process(void **state)
{
    const struct fixture *fixture = *state;
    int channel[2];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    pid_t child = surroundings_fork(hold_sockets, channel);
    fd_close(channel[1]);
    for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
        uint64_t cookie;
        assert_int_equal(read(channel[0], &cookie, sizeof(cookie)), sizeof(cookie));
        check(fixture, cookie, false, true);
    }
    fd_close(channel[0]);
    assert_int_equal(surroundings_wait(child), 0);
}

/* Descriptors of O_PATH keep the name of a socket, not the socket. */
static void open_has_no_mere_names(void **state)
{
    const struct fixture *fixture = *state;
    char path[64];
    int fd = loopback_udp(fixture);
    const uint64_t cookie = loopback_cookie(fd);

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    _cleanup_fd_ int name = open(path, O_PATH | O_CLOEXEC);
    assert_return_code(name, errno);
    snprintf(path, sizeof(path), "/tmp/trafficctl-name-%d", (int)getpid());
    assert_return_code(mknod(path, S_IFSOCK | 0600, 0), errno);
    _cleanup_fd_ int file = open(path, O_PATH | O_CLOEXEC);
    unlink(path);
    assert_return_code(file, errno);
    assert_true(is_found(fixture, PIN_OPEN_SOCKETS, cookie));
    fd_close(fd);
    assert_false(is_found(fixture, PIN_OPEN_SOCKETS, cookie));
}

/* Tagged without a trace in the socket, until it sends. */
static void stored_has_what_sent(void **state)
{
    const struct tctl_tag row = {10001, 5};
    const struct fixture *fixture = *state;
    _cleanup_fd_ int raw = loopback_udp(fixture);
    const uint64_t cookie = loopback_cookie(raw);

    fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &row);
    check(fixture, cookie, false, true);
    assert_int_equal(send(raw, "", 1, 0), 1);
    check(fixture, cookie, true, true);
}

/* Nobody is entered who was not asked about, tagged or not; nor is a socket that has no cookie anybody. */
static void only_those_asked_about_are_found(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_fd_ int fd = loopback_udp(fixture);
    _cleanup_fd_ int nameless = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const uint64_t cookie = loopback_cookie(fd);
    struct tctl_live live;

    assert_return_code(nameless, errno);
    tag(fixture, fd);
    look(fixture, PIN_STORED_SOCKETS);
    look(fixture, PIN_OPEN_SOCKETS);
    assert_false(fixture_get(fixture, PIN_LIVE, &cookie, &live));
    check(fixture, 0, false, false);
    check(fixture, UINT64_MAX, false, false);
}

/* Who was found once stays found, whatever is looked for by others. */
static void every_look_adds(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_fd_ int fd = loopback_udp(fixture);
    const uint64_t cookie = loopback_cookie(fd);

    tag(fixture, fd);
    ask(fixture, cookie);
    look(fixture, PIN_STORED_SOCKETS);
    assert_int_equal(seen(fixture, cookie), 1);
    look(fixture, PIN_OPEN_SOCKETS);
    assert_int_equal(seen(fixture, cookie), 2);
    ask(fixture, cookie);
    assert_int_equal(seen(fixture, cookie), 0);
}

/* All in one read(2). */
static void looks_are_whole(void **state)
{
    enum { MANY = 9000 };
    static int fds[MANY];
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < MANY; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_return_code(fds[i], errno);
        tag(fixture, fds[i]);
        ask(fixture, loopback_cookie(fds[i]));
    }
    look(fixture, PIN_STORED_SOCKETS);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(seen(fixture, loopback_cookie(fds[i])), 1);
    look(fixture, PIN_OPEN_SOCKETS);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(seen(fixture, loopback_cookie(fds[i])), 2);
        fds[i] = fd_close(fds[i]);
    }
}

/* Ends when the channel does. Not to assert in. */
static int hold_what_is_open(void *context)
{
    const int *channel = context;
    char byte;

    fd_close(channel[0]);
    return read(channel[1], &byte, 1) == 0 ? 0 : 1;
}

enum { HOLDERS = 100, HELD = 10000 };

/* Open files enough for the kernel to stop once. */
static void hold_a_million(int *channel, pid_t *ret_holders)
{
    static int files[HELD];

    for (size_t i = 0; i < HELD; i++) {
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_return_code(files[i], errno);
    }
    for (size_t i = 0; i < HOLDERS; i++)
        ret_holders[i] = surroundings_fork(hold_what_is_open, channel);
    tagging_close(files, HELD);
}

/* It goes on where it was: what is open in the process that was made last is found. */
static void open_goes_on_after_a_million(void **state)
{
    const struct fixture *fixture = *state;
    int channel[2];
    char byte;
    pid_t holders[HOLDERS + 1];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), errno);
    hold_a_million(channel, holders);
    int fd = loopback_udp(fixture);
    const uint64_t cookie = loopback_cookie(fd);
    holders[HOLDERS] = surroundings_fork(hold_what_is_open, channel);
    fd_close(fd);
    ask(fixture, cookie);
    {
        _cleanup_fd_ int list = open(fixture_path(fixture, pins[PIN_OPEN_SOCKETS].path), O_RDONLY | O_CLOEXEC);
        assert_return_code(list, errno);
        assert_int_equal(read(list, &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(read(list, &byte, 1), 0);
    }
    assert_int_equal(seen(fixture, cookie), 1);
    fd_close(channel[0]);
    for (size_t i = 0; i <= HOLDERS; i++)
        assert_int_equal(surroundings_wait(holders[i]), 0);
    fd_close(channel[1]);
}

static uint32_t link_id(const struct fixture *fixture, enum pin_id id)
{
    struct bpf_link_info info = {0};
    uint32_t length = sizeof(info);

    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.id;
}

/* The map stays, the program that lists it is the new one. */
static void another_start_finds_what_was_there(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_fd_ int fd = loopback_udp(fixture);
    const uint64_t cookie = loopback_cookie(fd);
    const uint32_t before = link_id(fixture, PIN_STORED_SOCKETS);

    tag(fixture, fd);
    fixture->loaded = loaded_free(fixture->loaded);
    fixture_load(fixture);
    assert_int_not_equal(link_id(fixture, PIN_STORED_SOCKETS), before);
    check(fixture, cookie, true, true);
}

static int start_without_capabilities(void *context)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    struct loaded *loaded = NULL;

    if (syscall(SYS_capset, &header, none) < 0)
        return 2;
    int r = loader_start(context, false, NULL, &loaded, NULL);
    loaded_free(loaded);
    return r < 0;
}

static void adopting_does_without(void **state)
{
    struct fixture *fixture = *state;

    fixture->loaded = loaded_free(fixture->loaded);
    for (enum pin_id id = PIN_STORED_SOCKETS; id <= PIN_PEERS; id++)
        assert_return_code(unlink(fixture_path(fixture, pins[id].path)), errno);
    assert_int_equal(surroundings_wait(surroundings_fork(start_without_capabilities, &fixture->options)), 0);
}

static void another_link_in_the_place_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct loaded *loaded = NULL;
    struct fault fault = {0};

    fixture->loaded = loaded_free(fixture->loaded);
    _cleanup_fd_ int files = fixture_pin(fixture, PIN_OPEN_SOCKETS);
    assert_return_code(unlink(fixture_path(fixture, pins[PIN_STORED_SOCKETS].path)), errno);
    assert_return_code(bpf_obj_pin(files, fixture_path(fixture, pins[PIN_STORED_SOCKETS].path)), errno);
    assert_int_equal(loader_start(&fixture->options, true, NULL, &loaded, &fault), -EEXIST);
    assert_non_null(strstr(fault.text, pins[PIN_STORED_SOCKETS].path));
}

#define FINDS(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FINDS(stored_has_what_nobody_holds),
        FINDS(stored_has_what_sends_after_its_close),
        FINDS(open_has_what_never_sent),
        FINDS(open_has_every_kind_in_every_process),
        FINDS(open_has_no_mere_names),
        FINDS(stored_has_what_sent),
        FINDS(only_those_asked_about_are_found),
        FINDS(every_look_adds),
        FINDS(looks_are_whole),
        FINDS(open_goes_on_after_a_million),
        FINDS(another_start_finds_what_was_there),
        FINDS(adopting_does_without),
        FINDS(another_link_in_the_place_is_refused),
    };

    loopback_enter();
    tagging_allow_files();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: iterators", tests, NULL, NULL);
}
