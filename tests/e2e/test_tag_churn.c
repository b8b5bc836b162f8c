/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * 50,000 tagged sockets, opened, tagged at trafficd and closed as fast as two processes can: no tag is left, and none
 * of a socket that lives is lost.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "ending.h"
#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define CHURNERS 2
#define EACH 25000
/* Sockets that one churner has open at a time; its oldest ends next. */
#define OPEN 32
/* Every so many are untagged before they are closed, which tells whether they were tagged to the last. */
#define UNTAG_EVERY 8
#define TAGS 7
#define STAYING 60

struct request {
    uint32_t id, net_id, uid, info;
};

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

/* For a child, so nothing asserts: the reply, or what happened instead. */
static int request(enum fwmark_number id, uint32_t tag, int fd)
{
    _cleanup_fd_ int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct request request = {.id = id, .uid = FWMARK_CALLER, .info = tag};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct iovec data = {.iov_base = &request, .iov_len = sizeof(request)};
    union control control = {.head = {CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int32_t reply;

    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    strncpy(at.sun_path, the_world->fwmarkd, sizeof(at.sun_path) - 1);
    if (connect(connection, (struct sockaddr *)&at, sizeof(at)) < 0 || sendmsg(connection, &message, MSG_NOSIGNAL) < 0)
        return -errno;
    return recv(connection, &reply, sizeof(reply), MSG_WAITALL) == sizeof(reply) ? reply : -EPIPE;
}

static int open_one(unsigned n)
{
    return socket(n & 1 ? AF_INET6 : AF_INET, (n & 2 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
}

static int churn(int channel, void *arg)
{
    int fd[OPEN];
    int r = 0;

    (void)channel;
    (void)arg;
    run_anywhere();
    memset(fd, -1, sizeof(fd));
    for (unsigned n = 0; n < EACH && r == 0; n++) {
        int *oldest = &fd[n % OPEN];

        if (*oldest >= 0 && n % UNTAG_EVERY == 0)
            r = request(FWMARK_UNTAG, 0, *oldest);
        fd_close(*oldest);
        *oldest = open_one(n);
        if (*oldest < 0)
            return -errno;
        r = r ?: request(FWMARK_TAG, 1 + n % TAGS, *oldest);
    }
    return r;
}

struct staying {
    int fd[STAYING];
};

static struct staying staying_open(void)
{
    struct staying staying;

    for (unsigned i = 0; i < STAYING; i++) {
        staying.fd[i] =
            socket_as(the_world, PLACE_A, TAGGED_UID, i & 1 ? AF_INET6 : AF_INET, i & 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
        assert_true(staying.fd[i] >= 0);
        tag_socket(staying.fd[i], 1 + i % TAGS);
    }
    return staying;
}

static void staying_close(struct staying *staying)
{
    for (unsigned i = 0; i < STAYING; i++) {
        assert_tag(the_world, staying->fd[i], TAGGED_UID, 1 + i % TAGS);
        fd_close(staying->fd[i]);
    }
}

static void churn_all(void)
{
    struct actor actor[CHURNERS];

    for (unsigned i = 0; i < CHURNERS; i++)
        assert_int_equal(actor_start(the_world, PLACE_A, TAGGED_UID + i, churn, NULL, &actor[i]), 0);
    for (unsigned i = 0; i < CHURNERS; i++)
        assert_int_equal(actor_wait(&actor[i]), 0);
}

/* By the count that limits are held against. */
static uint64_t charged_sockets(uint32_t uid)
{
    _cleanup_fd_ int count = world_map(the_world, TCTL_DIR "/tag_count");
    _cleanup_fd_ int ended = world_map(the_world, TCTL_DIR "/tags_ended");
    struct tctl_tag_count made = {0};
    uint64_t taken = 0;

    assert_int_equal(bpf_map_lookup_elem(count, &(struct tctl_tag){.uid = uid}, &made), 0);
    bpf_map_lookup_elem(ended, &uid, &taken);
    return made.rows - taken;
}

static void nothing_left_nothing_lost(uint64_t within_ms)
{
    struct staying staying = staying_open();

    churn_all();
    tags_become(STAYING, within_ms);
    assert_int_equal(charged_sockets(TAGGED_UID), STAYING);
    assert_int_equal(charged_sockets(TAGGED_UID + 1), 0);
    staying_close(&staying);
    tags_become(0, within_ms);
}

static void test_churn_with_hook(void **state)
{
    (void)state;
    nothing_left_nothing_lost(PROMISE_MS);
    assert_true(hook_is_on());
}

static void test_churn_without_hook(void **state)
{
    (void)state;
    nothing_left_nothing_lost(LOOKS_MS);
}

/* Events are lost, so that a second's tags wait for a look: in a map that has room for them. */
static void test_churn_without_hook_or_buffer(void **state)
{
    struct listener before = {0}, after = {0};

    (void)state;
    assert_true(listener_find(&before));
    listener_shrink();
    nothing_left_nothing_lost(LOOKS_MS);
    assert_true(listener_find(&after));
    assert_int_equal(after.inode, before.inode);
    assert_true(after.dropped > before.dropped);
}

int main(void)
{
    const struct CMUnitTest with[] = {
        cmocka_unit_test_setup(test_churn_with_hook, with_hook),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test_setup(test_churn_without_hook, without_hook),
        cmocka_unit_test_setup(test_churn_without_hook_or_buffer, without_hook),
    };

    return run_shared("tag_churn", with, ARRAY_SIZE(with)) +
           run_world("tag_churn, large map", without, ARRAY_SIZE(without),
                     &(struct world_options){.config = "[maps]\ncookie_tag = 60000\n"});
}
