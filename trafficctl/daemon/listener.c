/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "parse.h"

/* Who comes when it is full waits behind other threads, and not behind all that each of them connects. */
#define BACKLOG 128
/* systemd's first descriptor. */
#define FIRST_HANDED 3
#define ANDROID_SOCKET "ANDROID_SOCKET_fwmarkd"

static int option_of(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

static bool is_unix_stream(int fd)
{
    return option_of(fd, SO_DOMAIN) == AF_UNIX && option_of(fd, SO_TYPE) == SOCK_STREAM;
}

/* Whoever opened it may have chosen otherwise. */
static int adopt(int fd, struct socket_file *listener, struct fault *fault)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return fault_set(fault, -errno, "the socket that was handed over cannot be used: %s", strerror(errno));
    *listener = (struct socket_file){.fd = fd};
    return 1;
}

static int number_of(const char *name, uint32_t *ret)
{
    const char *text = getenv(name);

    return text ? parse_u32(text, ret) : -ENOENT;
}

/* 1: it is in listener. 0: nothing was handed to this process. */
static int from_systemd(struct socket_file *listener, struct fault *fault)
{
    uint32_t pid, count;
    bool given = number_of("LISTEN_PID", &pid) == 0 && number_of("LISTEN_FDS", &count) == 0 &&
                 pid == (uint32_t)getpid() && count > 0 && count < 1024;

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!given)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (is_unix_stream(FIRST_HANDED + i) && option_of(FIRST_HANDED + i, SO_ACCEPTCONN) == 1)
            return adopt(FIRST_HANDED + i, listener, fault);
    return fault_set(fault, -ENOTSOCK,
                     "LISTEN_FDS hands over %u descriptors and none is a listening Unix stream socket: "
                     "write ListenStream= into the .socket unit",
                     count);
}

/* init binds and leaves listening to the service. */
static int from_android(struct socket_file *listener, struct fault *fault)
{
    uint32_t fd = 0;
    int r = number_of(ANDROID_SOCKET, &fd);

    unsetenv(ANDROID_SOCKET);
    if (r == -ENOENT)
        return 0;
    if (r < 0 || fd > INT32_MAX || !is_unix_stream(fd) || listen(fd, BACKLOG) < 0)
        return fault_set(fault, -ENOTSOCK, ANDROID_SOCKET " is not the number of a bound Unix stream socket");
    return adopt(fd, listener, fault);
}

/* One level: /run/trafficctl, where no unit and no tmpfiles made it. Whatever the umask, others have to get in. */
static void make_parent(const char *path)
{
    _cleanup_free_ char *parent = strdup(path);
    char *slash = parent ? strrchr(parent, '/') : NULL;

    if (!slash || slash == parent)
        return;
    *slash = '\0';
    if (mkdir(parent, 0755) == 0)
        chmod(parent, 0755);
}

int listener_open(const char *path, struct socket_file *listener, struct fault *fault)
{
    int r = from_systemd(listener, fault);

    if (r == 0)
        r = from_android(listener, fault);
    if (r != 0)
        return r < 0 ? r : 0;
    make_parent(path);
    return socket_file_listen(path, 0666, BACKLOG, listener, fault);
}
