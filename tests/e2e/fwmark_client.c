/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmark_client.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "kit.h"

#define MAX_DESCRIPTORS 253
#define MAX_GROUPS 2000
#define MADE_UP_GROUP 500000
#define SETTLE_MS 6000

bool fwmark_length_is_right(uint32_t id, size_t size)
{
    if (id == FWMARK_ON_CONNECT_COMPLETE)
        return size == FWMARK_REQUEST_LONG;
    if (id == FWMARK_ON_CONNECT || (id >= FWMARK_COUNTER_SET && id <= 13))
        return size == FWMARK_REQUEST_SHORT || size == FWMARK_REQUEST_LONG;
    return size == FWMARK_REQUEST_SHORT;
}

/*
 * Effective IDs of this thread alone: the C library's calls would change those of the capture's thread too. To be
 * another user and root again costs less than a child for each request, and the kernel reports the same.
 */
static void become(const struct fwmark_caller *caller)
{
    gid_t groups[MAX_GROUPS];
    size_t count = caller->made_up;

    assert_true(count < MAX_GROUPS);
    for (size_t i = 0; i < count; i++)
        groups[i] = MADE_UP_GROUP + (gid_t)i;
    if (caller->group)
        groups[count++] = caller->group;
    assert_return_code(syscall(SYS_setresuid, -1, 0, -1), errno);
    assert_return_code(syscall(SYS_setgroups, count, groups), errno);
    assert_return_code(syscall(SYS_setresgid, -1, caller->gid, -1), errno);
    assert_return_code(syscall(SYS_setresuid, -1, caller->uid, -1), errno);
}

static int connect_to(const char *path)
{
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    return fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : fd_take(&fd);
}

int fwmark_connect_at(const char *path, const struct fwmark_caller *caller)
{
    int fd;

    become(caller);
    fd = connect_to(path);
    become(FWMARK_ROOT);
    assert_return_code(fd, -fd);
    return fd;
}

int fwmark_connect(const struct fwmark_caller *caller)
{
    return fwmark_connect_at(the_world->fwmarkd, caller);
}

/* -errno, or how many bytes were sent. */
static ssize_t send_message(int connection, const void *bytes, size_t size, const int *fd, size_t count)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
    } control = {0};
    struct iovec data = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    ssize_t n;

    if (count > MAX_DESCRIPTORS)
        return -E2BIG;
    if (count) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(*fd));
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(*fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), fd, count * sizeof(*fd));
    }
    n = sendmsg(connection, &message, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

void fwmark_send(int connection, const void *bytes, size_t size, const int *fd, size_t count)
{
    assert_int_equal(send_message(connection, bytes, size, fd, count), size);
}

/* Bytes, 0 at the end; what was not read of a message makes the end a reset. -ETIMEDOUT. */
static ssize_t take(int connection, void *room, size_t size, int timeout_ms)
{
    struct pollfd ready = {.fd = connection, .events = POLLIN};
    ssize_t n;

    if (poll(&ready, 1, timeout_ms) <= 0)
        return -ETIMEDOUT;
    n = recv(connection, room, size, 0);
    return n < 0 ? 0 : n;
}

int fwmark_reply(int connection, int timeout_ms)
{
    int32_t reply;
    char more;
    ssize_t n = take(connection, &reply, sizeof(reply), timeout_ms);

    if (n != sizeof(reply))
        return n < 0 ? FWMARK_NOTHING : n == 0 ? FWMARK_END : FWMARK_SHORT;
    n = take(connection, &more, sizeof(more), FWMARK_PATIENCE_MS);
    return n < 0 ? FWMARK_STILL_OPEN : n > 0 ? FWMARK_MORE : reply;
}

static int exchange(int connection, const struct fwmark_request *request)
{
    const uint32_t head[4] = {request->id, 0x5a5a5a5a, request->uid, request->info};
    unsigned char message[FWMARK_LONGEST];

    memset(message, 0xa5, sizeof(message));
    memcpy(message, head, sizeof(head));
    if (request->size > sizeof(message) ||
        send_message(connection, message, request->size, request->fd, request->count) != (ssize_t)request->size ||
        (request->size < sizeof(head) && shutdown(connection, SHUT_WR) < 0))
        return FWMARK_END;
    return fwmark_reply(connection, FWMARK_PATIENCE_MS);
}

int fwmark_ask(const struct fwmark_caller *caller, const struct fwmark_request *request)
{
    _cleanup_fd_ int connection = fwmark_connect(caller);

    return exchange(connection, request);
}

int fwmark_ask_as_actor(const char *path, const struct fwmark_request *request)
{
    _cleanup_fd_ int connection = connect_to(path);

    return connection < 0 ? FWMARK_END : exchange(connection, request);
}

static int ask_about(const struct fwmark_caller *caller, enum fwmark_number id, int fd, uint32_t uid, uint32_t info)
{
    return fwmark_ask(
        caller, &(struct fwmark_request){.id = id, .uid = uid, .info = info, .size = 16, .fd = &fd, .count = fd >= 0});
}

int fwmark_tag(const struct fwmark_caller *caller, int fd, uint32_t uid, uint32_t tag)
{
    return ask_about(caller, FWMARK_TAG, fd, uid, tag);
}

int fwmark_untag(const struct fwmark_caller *caller, int fd)
{
    return ask_about(caller, FWMARK_UNTAG, fd, 0, 0);
}

int fwmark_counter_set(const struct fwmark_caller *caller, uint32_t uid, uint32_t set)
{
    return ask_about(caller, FWMARK_COUNTER_SET, -1, uid, set);
}

int fwmark_delete(const struct fwmark_caller *caller, uint32_t uid, uint32_t tag)
{
    return ask_about(caller, FWMARK_DELETE, -1, uid, tag);
}

static size_t descriptors_of(long pid)
{
    char path[32];
    struct dirent *entry;
    size_t count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
    dir = opendir(path);
    if (!dir)
        return 0; /* it has ended */
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* The numbers of trafficd's children, each followed by a blank. */
static char *servers(void)
{
    char path[64], *text = NULL;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", the_world->daemon, the_world->daemon);
    assert_int_equal(fd_read_file(path, 4096, &text), 0);
    return text;
}

pid_t fwmark_server(void)
{
    _cleanup_free_ char *text = servers();
    pid_t pid = (pid_t)strtol(text, NULL, 10);

    assert_true(pid > 0);
    return pid;
}

size_t fwmark_descriptors(void)
{
    _cleanup_free_ char *text = servers();
    size_t count = descriptors_of(the_world->daemon);

    assert_string_not_equal(text, "");
    for (char *at = text, *end; *at; at = end + 1)
        count += descriptors_of(strtol(at, &end, 10));
    return count;
}

void fwmark_no_more_than(size_t descriptors)
{
    uint64_t start = now_ms();

    while (fwmark_descriptors() > descriptors && now_ms() - start < SETTLE_MS)
        usleep(1000);
    assert_in_range(fwmark_descriptors(), 0, descriptors);
}
