/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Who asks from inside a rootless container is the plain user who owns its user namespace: that user pays, whatever
 * UID of the container asks, and nobody else can be made to.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "charge.h"
#include "chroot.h"
#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"
#include "userns.h"

#define USER USERNS_USER
#define OTHER 10002
#define INSIDE 1000
#define TAGS TCTL_TAGS_PER_UID

/* A process in a container: it makes a socket, and asks what it is told to ask. */
struct container {
    struct actor actor;
    uid_t inside;
    int path; /* of trafficd's socket: names may mean something else in there */
    int socket;
};

static int answer(int channel, int fd, const char *path)
{
    struct fwmark_request request = {.size = 16, .fd = &fd, .count = 1};
    uint64_t id = 0, uid = 0, info = 0;
    int r = channel_recv(channel, &id) ?: channel_recv(channel, &uid) ?: channel_recv(channel, &info);

    if (r < 0)
        return r;
    request.id = (uint32_t)id;
    request.uid = (uint32_t)uid;
    request.info = (uint32_t)info;
    r = fwmark_ask_as_actor(path, &request);
    return channel_send(channel, (uint64_t)(uint32_t)r);
}

/* From the moment when it is who it should be. */
static int live_on(int channel, const struct container *container)
{
    _cleanup_fd_ int own = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char path[40];
    int fd = -1, r = own < 0 ? -errno : channel_send_fd(channel, own);

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), container->path);
    while (r == 0 && (fd = channel_recv_fd(channel)) >= 0) {
        r = answer(channel, fd, path);
        fd_close(fd);
    }
    return r ?: fd == -EPIPE ? 0 : fd;
}

static int live(int channel, void *arg)
{
    const struct container *container = arg;
    const uid_t inside = container->inside;
    int r = userns_enter(channel);

    if (r == 0 && inside && setresuid(inside, inside, inside) < 0)
        r = -errno;
    return r ?: live_on(channel, container);
}

static void container_start(struct container *container, uid_t inside)
{
    container->inside = inside;
    container->path = open(the_world->fwmarkd, O_PATH | O_CLOEXEC);
    assert_true(container->path >= 0);
    userns_start(live, container, &container->actor);
    container->socket = channel_recv_fd(container->actor.channel);
    assert_true(container->socket >= 0);
}

/* The last that was started first: it has the other end of those before. */
static void container_end(struct container *container)
{
    assert_int_equal(actor_wait(&container->actor), 0);
    fd_close(container->path);
    fd_close(container->socket);
}

static int ask(struct container *container, enum fwmark_number id, int fd, uint32_t uid, uint32_t info)
{
    const int channel = container->actor.channel;
    uint64_t reply;

    assert_int_equal(channel_send_fd(channel, fd), 0);
    assert_int_equal(channel_send(channel, id), 0);
    assert_int_equal(channel_send(channel, uid), 0);
    assert_int_equal(channel_send(channel, info), 0);
    assert_int_equal(channel_recv(channel, &reply), 0);
    return (int32_t)reply;
}

/* What no answer may have done: charge a UID that exists inside the container alone. */
static void nobody_inside_pays(void)
{
    _cleanup_free_ struct tctl_detail_row *row = NULL;
    size_t count = 0;

    assert_int_equal(tctl_read_details(the_world->traffic, &(struct tctl_filter){0}, &row, &count), 0);
    for (size_t i = 0; i < count; i++)
        if (row[i].uid == INSIDE || row[i].uid >= 100000)
            fail_msg("uid %u has a row", row[i].uid);
}

/* Between the container's socket and B. */
static struct charge_flow flow_of(const struct container *container)
{
    struct charge_flow flow = charge_flow_new(USER, AF_INET, IPPROTO_UDP, 1);

    fd_close(flow.udp.a);
    flow.udp.a = fcntl(container->socket, F_DUPFD_CLOEXEC, 0);
    assert_true(flow.udp.a >= 0);
    bind_to(flow.udp.a, &flow.udp.at_a);
    assert_return_code(connect(flow.udp.a, &flow.udp.at_b.any, sizeof(flow.udp.at_b.v4)), errno);
    return flow;
}

static void own_socket(uid_t inside)
{
    struct container container;
    struct charge_flow flow;
    size_t rows = map_rows(the_world, "traffic_app_uid_stats_map");

    container_start(&container, inside);
    flow = flow_of(&container);
    assert_int_equal(ask(&container, FWMARK_TAG, flow.udp.a, FWMARK_CALLER, 5), 0);
    assert_tag(the_world, flow.udp.a, USER, 5);
    charge_flow_exact(&flow, USER, 5, 0);
    assert_int_equal(ask(&container, FWMARK_TAG, flow.udp.a, USER, 6), 0);
    charge_flow_exact(&flow, USER, 6, 0);
    assert_int_equal(ask(&container, FWMARK_UNTAG, flow.udp.a, 0, 0), 0);
    charge_flow_exact(&flow, USER, 0, 0);
    assert_int_equal(fwmark_tag(FWMARK_USER(USER), flow.udp.a, FWMARK_CALLER, 7), 0);
    assert_int_equal(ask(&container, FWMARK_UNTAG, flow.udp.a, 0, 0), 0);
    nobody_inside_pays();
    assert_true(map_rows(the_world, "traffic_app_uid_stats_map") <= rows + 1);
    charge_flow_end(&flow);
    container_end(&container);
}

static void test_container_tags_its_own_socket(void **state)
{
    (void)state;
    own_socket(0);
    own_socket(INSIDE);
}

/* Of other users of the container, and of nobody in there. */
static void test_container_tags_what_it_was_handed(void **state)
{
    struct container one, another;
    struct charge_flow flow, plain = charge_flow_new(OTHER, AF_INET, IPPROTO_UDP, 2);

    (void)state;
    container_start(&one, INSIDE);
    container_start(&another, INSIDE + 1);
    flow = flow_of(&one);
    assert_int_equal(ask(&another, FWMARK_TAG, flow.udp.a, FWMARK_CALLER, 5), 0);
    assert_tag(the_world, flow.udp.a, USER, 5);
    charge_flow_exact(&flow, USER, 5, 0);
    assert_int_equal(ask(&another, FWMARK_UNTAG, flow.udp.a, 0, 0), 0);
    assert_int_equal(ask(&one, FWMARK_TAG, plain.udp.a, FWMARK_CALLER, 6), 0);
    assert_tag(the_world, plain.udp.a, USER, 6);
    charge_flow_exact(&plain, USER, 6, 0);
    assert_int_equal(ask(&another, FWMARK_UNTAG, plain.udp.a, 0, 0), 0);
    charge_flow_exact(&plain, OTHER, 0, 0);
    assert_int_equal(fwmark_tag(FWMARK_USER(OTHER), plain.udp.a, FWMARK_CALLER, 7), 0);
    assert_int_equal(ask(&one, FWMARK_UNTAG, plain.udp.a, 0, 0), -EPERM);
    assert_tag(the_world, plain.udp.a, OTHER, 7);
    nobody_inside_pays();
    charge_flow_end(&flow);
    charge_flow_end(&plain);
    container_end(&another);
    container_end(&one);
}

/* A number that means somebody inside means somebody else out here. */
static void charges_nobody_else(uid_t inside)
{
    static const uint32_t others[] = {0, 1, INSIDE, OTHER, 65534, USERNS_OUTSIDE(INSIDE + 1)};
    struct container container;
    struct rows before, after;

    container_start(&container, inside);
    rows_read(the_world, &before);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_int_equal(ask(&container, FWMARK_TAG, container.socket, others[i], 5), -EPERM);
        assert_int_equal(ask(&container, FWMARK_COUNTER_SET, container.socket, others[i], 1), -EPERM);
        assert_int_equal(ask(&container, FWMARK_DELETE, container.socket, others[i], 0), -EPERM);
    }
    rows_read(the_world, &after);
    assert_rows_equal(&after, &before);
    container_end(&container);
}

static void test_container_charges_nobody_else(void **state)
{
    (void)state;
    charges_nobody_else(0);
    charges_nobody_else(INSIDE);
}

/* Many users inside have one user's tags between them. */
static void test_containers_share_one_limit_of_tags(void **state)
{
    struct container one, another;
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER, AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
    container_start(&one, INSIDE);
    container_start(&another, INSIDE + 1);
    for (uint32_t i = 1; i <= TAGS; i++)
        assert_int_equal(ask(i % 2 ? &one : &another, FWMARK_TAG, i % 3 ? one.socket : fd, FWMARK_CALLER, i), 0);
    assert_int_equal(ask(&one, FWMARK_TAG, one.socket, FWMARK_CALLER, TAGS + 1), -EMFILE);
    assert_int_equal(ask(&another, FWMARK_TAG, another.socket, FWMARK_CALLER, TAGS + 1), -EMFILE);
    assert_int_equal(fwmark_tag(FWMARK_USER(USER), fd, FWMARK_CALLER, TAGS + 1), -EMFILE);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER, 0), 0);
    container_end(&another);
    container_end(&one);
}

/* Who is that user may do what that user may. */
static void test_container_of_an_accountant(void **state)
{
    struct container container;

    (void)state;
    container_start(&container, INSIDE);
    assert_int_equal(ask(&container, FWMARK_TAG, container.socket, OTHER, 5), 0);
    assert_tag(the_world, container.socket, OTHER, 5);
    assert_int_equal(ask(&container, FWMARK_COUNTER_SET, container.socket, OTHER, 1), 0);
    assert_int_equal(ask(&container, FWMARK_DELETE, container.socket, OTHER, 0), 0);
    assert_tag(the_world, container.socket, UINT32_MAX, 0);
    container_end(&container);
}

/* fold_user_namespaces = no: each UID is its own, in the maps and at the socket. */
static void test_unfolded_container_charges_the_subordinate(void **state)
{
    struct container container;

    (void)state;
    container_start(&container, INSIDE);
    assert_int_equal(ask(&container, FWMARK_TAG, container.socket, FWMARK_CALLER, 5), 0);
    assert_tag(the_world, container.socket, USERNS_OUTSIDE(INSIDE), 5);
    assert_int_equal(ask(&container, FWMARK_TAG, container.socket, USERNS_OUTSIDE(INSIDE), 6), 0);
    assert_int_equal(ask(&container, FWMARK_TAG, container.socket, USER, 6), -EPERM);
    container_end(&container);
}

/* Of root's own containers (as LXD's): nobody but the UID itself can answer for what it does, and root in there is no
 * root. */
static int live_in_roots(int channel, void *arg)
{
    uint64_t word;
    int r = chroot_leave() ?: userns_new() ?: channel_send(channel, 0) ?: channel_recv(channel, &word);

    return r ?: userns_become_root() ?: live_on(channel, arg);
}

static void test_root_of_roots_container(void **state)
{
    struct container container = {.path = open(the_world->fwmarkd, O_PATH | O_CLOEXEC)};
    uint64_t word;

    (void)state;
    assert_true(container.path >= 0);
    assert_int_equal(actor_start(the_world, PLACE_A, 0, live_in_roots, &container, &container.actor), 0);
    assert_int_equal(channel_recv(container.actor.channel, &word), 0);
    assert_int_equal(userns_map(container.actor.pid, "0 200000 65536\n"), 0);
    assert_int_equal(channel_send(container.actor.channel, 0), 0);
    container.socket = channel_recv_fd(container.actor.channel);
    assert_true(container.socket >= 0);
    assert_int_equal(ask(&container, FWMARK_TAG, container.socket, FWMARK_CALLER, 5), 0);
    assert_tag(the_world, container.socket, 200000, 5);
    assert_int_equal(ask(&container, FWMARK_TAG, container.socket, 0, 5), -EPERM);
    assert_int_equal(ask(&container, FWMARK_COUNTER_SET, container.socket, 200000, 1), -EPERM);
    assert_int_equal(ask(&container, FWMARK_DELETE, container.socket, 200000, 0), -EPERM);
    container_end(&container);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_tags_its_own_socket), cmocka_unit_test(test_container_tags_what_it_was_handed),
        cmocka_unit_test(test_container_charges_nobody_else), cmocka_unit_test(test_containers_share_one_limit_of_tags),
        cmocka_unit_test(test_root_of_roots_container),
    };
    const struct CMUnitTest unfolded[] = {
        cmocka_unit_test(test_unfolded_container_charges_the_subordinate),
        cmocka_unit_test(test_root_of_roots_container),
    };
    const struct CMUnitTest accountant[] = {
        cmocka_unit_test(test_container_of_an_accountant),
    };
    const struct CMUnitTest namesake[] = {
        cmocka_unit_test(test_container_charges_nobody_else),
    };
    const struct world_options not_folded = {.config = "fold_user_namespaces = no\n"};
    const struct world_options of_user = {.config = "accounting_uids = 10001\n"};
    const struct world_options of_namesake = {.config = "accounting_uids = 100999\n"};
    int failed = run_both("fwmarkd from user namespaces", tests, ARRAY_SIZE(tests));

    failed += run_world("fwmarkd, namespaces not folded", unfolded, ARRAY_SIZE(unfolded), &not_folded);
    failed += run_world("fwmarkd, an accountant's container", accountant, ARRAY_SIZE(accountant), &of_user);
    return failed +
           run_world("fwmarkd, an accountant named as a sub-UID", namesake, ARRAY_SIZE(namesake), &of_namesake);
}
