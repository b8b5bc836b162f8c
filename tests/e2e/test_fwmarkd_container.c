/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * An Android container without a user namespace, set up as the README says: what its apps find at /dev/socket/fwmarkd
 * is trafficd's socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "fwmark_client.h"
#include "kit.h"

#define SYSTEM_SERVER 1000
#define APP 10057
#define OTHER_APP 10058
#define TAG 0xcafe
#define SIZE 100
#define HEADERS (20 + 8)

#define CONFIG "accounting_uids = 1000\napp_uids = 10000-\nper_user_range = 100000\n"

#define FWMARKD "/dev/socket/fwmarkd"

struct container {
    char root[32];
    bool folder; /* what is mounted: the socket's folder, else the socket */
};

static int socket_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    return bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0 ? -errno : fd;
}

/* Over a file of that name. */
static int mount_socket(void)
{
    if (mknod("dev/socket/fwmarkd", S_IFREG | 0644, 0) < 0 ||
        mount(the_world->fwmarkd, "dev/socket/fwmarkd", NULL, MS_BIND, NULL) < 0)
        return -errno;
    return 0;
}

/* With a link to it in the place of the socket of the container's own netd, which listens there. */
static int mount_folder(int *ret_own)
{
    *ret_own = socket_at("dev/socket/fwmarkd");
    if (*ret_own < 0 || mkdir("dev/trafficctl", 0755) < 0 ||
        mount(the_world->folder, "dev/trafficctl", NULL, MS_BIND, NULL) < 0 || unlink("dev/socket/fwmarkd") < 0 ||
        symlink("/dev/trafficctl/fwmarkd", "dev/socket/fwmarkd") < 0)
        return -errno;
    return 0;
}

static int enter(const struct container *container, int *ret_own)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 || mount("container", container->root, "tmpfs", 0, "mode=0755") < 0 ||
        chdir(container->root) < 0 || mkdir("dev", 0755) < 0 || mkdir("dev/socket", 0755) < 0)
        return -errno;
    int r = container->folder ? mount_folder(ret_own) : mount_socket();
    if (r < 0)
        return r;
    return chroot(".") < 0 ? -errno : loopback_up();
}

static int become(uid_t uid)
{
    return syscall(SYS_setresuid, -1, uid, -1) < 0 ? -errno : 0;
}

/* One datagram, out and in again. */
static int talk_to_itself(int fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    char bytes[SIZE] = "";

    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || getsockname(fd, (struct sockaddr *)&at, &size) < 0 ||
        sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&at, sizeof(at)) != SIZE ||
        recv(fd, bytes, sizeof(bytes), 0) != SIZE)
        return -errno;
    return 0;
}

static int ask(uint32_t id, int fd, uint32_t uid, uint32_t info)
{
    return fwmark_ask_as_actor(
        FWMARKD, &(struct fwmark_request){.id = id, .uid = uid, .info = info, .size = 16, .fd = &fd, .count = fd >= 0});
}

static int app_tags(void)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return ask(FWMARK_TAG, fd, FWMARK_CALLER, TAG) ?: talk_to_itself(fd);
}

/* The first wrong reply; its step is told apart by the line. */
#define EXPECT(reply, expected)                                                                                        \
    do {                                                                                                               \
        int got = (reply);                                                                                             \
        if (got != (expected)) {                                                                                       \
            fprintf(stderr, "%s:%d: reply %d, expected %d\n", __FILE__, __LINE__, got, (expected));                    \
            return -EPROTO;                                                                                            \
        }                                                                                                              \
    } while (0)

static int app_acts(void)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT(app_tags(), 0);
    EXPECT(ask(FWMARK_TAG, fd, OTHER_APP, TAG), -EPERM);
    EXPECT(ask(FWMARK_COUNTER_SET, -1, APP, 1), -EPERM);
    EXPECT(ask(FWMARK_DELETE, -1, APP, TAG), -EPERM);
    return 0;
}

static int system_server_acts(void)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT(ask(FWMARK_TAG, fd, OTHER_APP, TAG), 0);
    EXPECT(ask(FWMARK_COUNTER_SET, -1, OTHER_APP, 1), 0);
    EXPECT(ask(FWMARK_COUNTER_SET, -1, OTHER_APP, 0), 0);
    EXPECT(ask(FWMARK_DELETE, -1, OTHER_APP, TAG), 0);
    return 0;
}

/* The container's own netd is asked by nobody. */
static int nobody_came(int own)
{
    if (own >= 0)
        EXPECT(accept4(own, NULL, NULL, SOCK_CLOEXEC) < 0 ? -errno : 0, -EAGAIN);
    return 0;
}

static int act(int own)
{
    return become(APP) ?: app_acts() ?: become(0) ?: become(SYSTEM_SERVER) ?: system_server_acts() ?: become(0) ?:
           nobody_came(own);
}

/* All of it for each word, until the end. */
static int contained(int channel, void *arg)
{
    _cleanup_fd_ int own = -1;
    uint64_t word;
    int r = enter(arg, &own);

    while (r == 0 && channel_recv(channel, &word) == 0)
        r = act(own) ?: channel_send(channel, word);
    return r;
}

static struct actor container_start(struct container *container)
{
    struct actor actor;

    snprintf(container->root, sizeof(container->root), "/tmp/container-XXXXXX");
    assert_non_null(mkdtemp(container->root));
    assert_int_equal(actor_start(the_world, PLACE_A, 0, contained, container, &actor), 0);
    return actor;
}

static void container_end(const struct container *container, struct actor *actor)
{
    int r = actor_wait(actor);

    umount2(container->root, MNT_DETACH); /* where mounts cannot be made private */
    assert_return_code(rmdir(container->root), errno);
    assert_int_equal(r, 0);
}

/* What the app sent and received is read outside, under its tag. */
static void act_and_count(const struct actor *actor)
{
    static const struct tctl_counters ONE = {SIZE + HEADERS, 1, SIZE + HEADERS, 1};
    struct tctl_counters before = tag_sum(the_world, APP, TAG);
    uint64_t word;

    if (channel_send(actor->channel, 1) < 0 || channel_recv(actor->channel, &word) < 0)
        return; /* its end says why */
    assert_counters_equal("of the app's tag", counters_less(tag_sum(the_world, APP, TAG), before), ONE);
}

static void test_socket_mounted_into_a_container(void **state)
{
    struct container container = {.folder = false};
    struct actor actor = container_start(&container);

    (void)state;
    act_and_count(&actor);
    container_end(&container, &actor);
}

/* Each start of trafficd makes a new socket: the folder shows it. */
static void test_folder_mounted_into_a_container_outlives_trafficd(void **state)
{
    static const int ends[] = {SIGTERM, SIGKILL};
    struct container container = {.folder = true};
    struct actor actor = container_start(&container);

    (void)state;
    act_and_count(&actor);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        assert_int_equal(world_stop_daemon(the_world, ends[i], NULL), 0);
        assert_int_equal(world_start_daemon(the_world), 0);
        act_and_count(&actor);
    }
    container_end(&container, &actor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket_mounted_into_a_container),
        cmocka_unit_test(test_folder_mounted_into_a_container_outlives_trafficd),
    };

    return run_world("fwmarkd in an Android container", tests, ARRAY_SIZE(tests),
                     &(struct world_options){.config = CONFIG});
}
