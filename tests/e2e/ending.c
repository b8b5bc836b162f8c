/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ending.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <time.h>
#include <trafficctl/accounting.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define COOKIE_MAP "traffic_cookie_tag_map"
#define BURST 256
#define WIDE (16 << 20)
#define QUIET_MS 2200

bool listener_find(struct listener *ret_listener)
{
    char path[64], line[256];
    FILE *file;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/net/netlink", the_world->daemon);
    file = fopen(path, "re");
    assert_non_null(file);
    while (!found && fgets(line, sizeof(line), file)) {
        struct listener listener;
        unsigned protocol, groups;

        found = sscanf(line, "%*s %u %*u %x %*u %*u %*u %*u %lu %lu", &protocol, &groups, &listener.dropped,
                       &listener.inode) == 4 &&
                protocol == NETLINK_SOCK_DIAG && groups;
        if (found && ret_listener)
            *ret_listener = listener;
    }
    fclose(file);
    return found;
}

/* The descriptor that trafficd has of its listener, as one of ours. */
static int listener_take(void)
{
    _cleanup_fd_ int process = pidfd_open(the_world->daemon, 0);
    struct listener listener = {0};
    char path[64], wanted[64], name[64];
    struct dirent *entry;
    int fd = -1;
    DIR *dir;

    assert_true(listener_find(&listener));
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", listener.inode);
    snprintf(path, sizeof(path), "/proc/%d/fd", the_world->daemon);
    dir = opendir(path);
    assert_non_null(dir);
    while (fd < 0 && (entry = readdir(dir))) {
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, name, sizeof(name) - 1);

        name[length > 0 ? length : 0] = '\0';
        if (strcmp(name, wanted) == 0)
            fd = pidfd_getfd(process, (int)strtol(entry->d_name, NULL, 10), 0);
    }
    closedir(dir);
    assert_return_code(fd, errno);
    return fd;
}

void listener_shrink(void)
{
    _cleanup_fd_ int fd = listener_take();

    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){1}, sizeof(int)), errno);
}

void listener_widen(void)
{
    _cleanup_fd_ int fd = listener_take();

    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){WIDE}, sizeof(int)), errno);
}

static int burst(int channel, void *arg)
{
    int fd[BURST];

    (void)channel;
    (void)arg;
    for (int i = 0; i < BURST; i++)
        if ((fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
            return -errno;
    for (int i = 0; i < BURST; i++)
        fd_close(fd[i]);
    return 0;
}

static bool has_dropped(uint64_t before)
{
    struct listener now = {0};

    assert_true(listener_find(&now));
    return now.dropped > before;
}

/* Stopped, for it may be fast enough to read each message as it comes. */
void listener_overflow(void)
{
    struct listener before = {0};
    int r;

    listener_shrink();
    assert_return_code(kill(the_world->daemon, SIGSTOP), errno);
    assert_true(listener_find(&before));
    r = as_uid(the_world, PLACE_A, TAGGED_UID, burst, NULL);
    assert_true(soon(has_dropped, before.dropped, SECOND_MS));
    assert_return_code(kill(the_world->daemon, SIGCONT), errno);
    assert_int_equal(r, 0);
    listener_widen();
}

static bool is_listening(uint64_t wanted)
{
    return listener_find(NULL) == wanted;
}

bool hook_is_on(void)
{
    return is_listening(false);
}

/* Attached by itself alone, it lets no other program onto its hook: ours does not come back. */
static int blocker = -1;

static int blocker_load(void)
{
    const struct bpf_insn one[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET_SOCK_RELEASE);

    return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK, "blocker", "GPL", one, ARRAY_SIZE(one), &options);
}

static void hook_detach(void)
{
    _cleanup_fd_ int link = world_map(the_world, TCTL_DIR "/release_link");

    assert_true(link >= 0);
    assert_int_equal(bpf_link_detach(link), 0);
}

/* trafficd may be quicker: then once more. */
void hook_take_off(void)
{
    blocker = fd_close(blocker);
    blocker = blocker_load();
    assert_return_code(blocker, errno);
    do
        hook_detach();
    while (bpf_prog_attach(blocker, the_world->cgroup_fd, BPF_CGROUP_INET_SOCK_RELEASE, 0) == -EPERM);
}

void hook_put_back(void)
{
    assert_int_equal(bpf_prog_detach2(blocker, the_world->cgroup_fd, BPF_CGROUP_INET_SOCK_RELEASE), 0);
    blocker = fd_close(blocker);
}

int with_hook(void **state)
{
    (void)state;
    if (!hook_is_on())
        hook_put_back();
    assert_true(soon(is_listening, false, SECOND_MS));
    return 0;
}

int without_hook(void **state)
{
    (void)state;
    if (hook_is_on())
        hook_take_off();
    assert_true(soon(is_listening, true, SECOND_MS));
    return 0;
}

void tag_socket(int fd, uint32_t tag)
{
    struct tctl_accounting *accounting;

    assert_int_equal(tctl_accounting_open(the_world->bpffs, &accounting), 0);
    assert_int_equal(tctl_socket_tag(accounting, fd, TAGGED_UID, tag), 0);
    tctl_accounting_close(accounting);
}

bool cookie_is_tagged(uint64_t cookie)
{
    _cleanup_fd_ int map = world_map(the_world, COOKIE_MAP);
    struct tctl_tag tag;

    return bpf_map_lookup_elem(map, &cookie, &tag) == 0;
}

size_t tagged_sockets(void)
{
    return map_rows(the_world, COOKIE_MAP);
}

static bool are_tagged(uint64_t wanted)
{
    return tagged_sockets() == wanted;
}

void tags_become(size_t rows, uint64_t within_ms)
{
    if (!soon(are_tagged, rows, within_ms))
        fail_msg("%zu sockets are tagged, not %zu", tagged_sockets(), rows);
}

static bool is_gone(uint64_t cookie)
{
    return !cookie_is_tagged(cookie);
}

uint64_t end_untold(void)
{
    int fd = socket_as(the_world, PLACE_A, 0, AF_INET, SOCK_RAW, IPPROTO_UDP);
    uint64_t cookie;

    assert_true(fd >= 0);
    cookie = cookie_of(fd);
    tag_socket(fd, 1);
    fd_close(fd);
    return cookie;
}

static void wait_for_look(void)
{
    uint64_t cookie = end_untold();

    listener_overflow();
    assert_true(soon(is_gone, cookie, LOOKS_MS));
}

/* Each look opens the list. */
void looks_end(void)
{
    _cleanup_fd_ int watch = inotify_init1(IN_CLOEXEC);
    struct pollfd look = {.fd = watch, .events = POLLIN};
    char path[160], event[4096];

    snprintf(path, sizeof(path), "%s/" TCTL_DIR "/stored_sockets", the_world->bpffs);
    assert_return_code(inotify_add_watch(watch, path, IN_OPEN), errno);
    while (poll(&look, 1, QUIET_MS) > 0)
        assert_true(read(watch, event, sizeof(event)) > 0);
}

void tags_left(size_t rows)
{
    if (!hook_is_on())
        wait_for_look();
    tags_become(rows, hook_is_on() ? PROMISE_MS : LOOKS_MS);
}
