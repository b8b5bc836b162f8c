/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "attempt.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"

#define DISCARD 9
#define PATIENCE_MS 3000

struct attempt attempt_udp(int family)
{
    return (struct attempt){
        .filter = {.family = family, .protocol = IPPROTO_UDP},
        .to = address_of(family, 0, DISCARD),
    };
}

int attempt_tcp(int family, struct attempt *ret_attempt)
{
    union address at = address_of(family, 0, 0);
    int listener = socket_as(the_world, PLACE_B, 0, family, SOCK_STREAM, 0);

    assert_true(listener >= 0);
    bind_to(listener, &at);
    assert_return_code(listen(listener, 8), errno);
    *ret_attempt = (struct attempt){
        .filter = {.family = family, .protocol = IPPROTO_TCP},
        .to = name_of(listener),
    };
    return listener;
}

static uint64_t sent(const struct attempt *attempt)
{
    struct tctl_counters counters;

    assert_int_equal(wire_count(the_world, &attempt->filter, &counters), 0);
    return counters.tx_packets;
}

typedef int (*run_fn)(actor_fn fn, struct attempt *attempt);

static void fails(run_fn run, actor_fn fn, struct attempt *attempt)
{
    assert_int_equal(wire_reset(the_world), 0);
    assert_int_equal(run(fn, attempt), -EPERM);
    assert_int_equal(sent(attempt), 0);
    barrier_down();
    assert_int_equal(run(fn, attempt), 0);
    assert_true(sent(attempt) > 0);
}

static int run_as_user(actor_fn fn, struct attempt *attempt)
{
    return as_uid(the_world, PLACE_A, BARRIER_USER, fn, attempt);
}

static int run_as_root(actor_fn fn, struct attempt *attempt)
{
    return as_uid(the_world, PLACE_A, 0, fn, attempt);
}

static int run_inside(actor_fn fn, struct attempt *attempt)
{
    struct actor actor;

    userns_start(fn, attempt, &actor);
    return actor_wait(&actor);
}

void attempt_fails(actor_fn fn, struct attempt *attempt)
{
    fails(run_as_user, fn, attempt);
}

void attempt_fails_from_root(actor_fn fn, struct attempt *attempt)
{
    fails(run_as_root, fn, attempt);
}

void attempt_fails_inside(actor_fn fn, struct attempt *attempt)
{
    fails(run_inside, fn, attempt);
}

int attempt_send(int fd, const union address *to)
{
    if (fd < 0)
        return -errno;
    return sendto(fd, "x", 1, MSG_NOSIGNAL, &to->any, address_size(to)) == 1 ? 0 : -errno;
}

int attempt_connect(int fd, const union address *to)
{
    const struct linger reset = {.l_onoff = 1};
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = 0;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
        return -errno;
    if (connect(fd, &to->any, address_size(to)) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    if (poll(&ready, 1, PATIENCE_MS) <= 0)
        return -ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

int attempt_become_raw(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2] = {{.effective = 1u << CAP_NET_RAW, .permitted = 1u << CAP_NET_RAW}};
    const uid_t user = BARRIER_USER;

    if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0)
        return -errno;
    return syscall(SYS_capset, &head, caps) < 0 ? -errno : 0;
}
