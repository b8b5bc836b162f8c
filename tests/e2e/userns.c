/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chroot.h"
#include "fd.h"
#include "kit.h"

static int map_write(pid_t pid, const char *file, const char *text)
{
    char path[64];
    _cleanup_fd_ int fd = -1;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int userns_map(pid_t pid, const char *map)
{
    return map_write(pid, "uid_map", map) ?: map_write(pid, "gid_map", map);
}

int userns_become_root(void)
{
    return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -errno : 0;
}

/* A process whose credentials changed is not dumpable, and then its maps in /proc are not its parent's to write. */
int userns_new(void)
{
    return unshare(CLONE_NEWUSER) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0;
}

int userns_enter(int channel)
{
    uint64_t word;

    return userns_new() ?: channel_send(channel, 0) ?: channel_recv(channel, &word) ?: userns_become_root();
}

struct act {
    actor_fn fn;
    void *arg;
};

static int become_user(int channel, void *arg)
{
    const struct act *act = arg;
    const uid_t user = USERNS_USER;
    int r = chroot_leave();

    if (r == 0 && (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0 ||
                   prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
        r = -errno;
    return r ?: act->fn(channel, act->arg);
}

void userns_start(actor_fn fn, void *arg, struct actor *ret_actor)
{
    struct act act = {fn, arg};
    uint64_t word;

    assert_int_equal(actor_start(the_world, PLACE_A, 0, become_user, &act, ret_actor), 0);
    assert_int_equal(channel_recv(ret_actor->channel, &word), 0);
    assert_int_equal(userns_map(ret_actor->pid, "0 10001 1\n1 100000 65536\n"), 0);
    assert_int_equal(channel_send(ret_actor->channel, 0), 0);
}

static int own_network(int channel, void *arg)
{
    uint64_t word;
    int r = userns_enter(channel);

    (void)arg;
    if (r < 0)
        return r;
    setfsuid(USERNS_INSIDE);
    if (unshare(CLONE_NEWNET) < 0)
        return -errno;
    setfsuid(0);
    return channel_send(channel, 0) ?: channel_recv(channel, &word);
}

static void make_links(pid_t pid)
{
    char path[64];
    int status;
    pid_t child;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
    child = fork();
    if (child == 0) {
        if (setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWNET) == 0)
            execlp("sh", "sh", "-c", "ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up",
                   NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

void userns_start_network(struct actor *ret_actor)
{
    uint64_t word;

    userns_start(own_network, NULL, ret_actor);
    assert_int_equal(channel_recv(ret_actor->channel, &word), 0);
    make_links(ret_actor->pid);
}
