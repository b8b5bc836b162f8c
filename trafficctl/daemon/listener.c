/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "parse.h"

#define BACKLOG 4096
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
static int adopt(int fd, struct listener *listener, struct fault *fault)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return fault_set(fault, -errno, "the socket that was handed over cannot be used: %s", strerror(errno));
    *listener = (struct listener){.fd = fd};
    return 1;
}

static int number_of(const char *name, uint32_t *ret)
{
    const char *text = getenv(name);

    return text ? parse_u32(text, ret) : -ENOENT;
}

/* 1: it is in listener. 0: nothing was handed to this process. */
static int from_systemd(struct listener *listener, struct fault *fault)
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
static int from_android(struct listener *listener, struct fault *fault)
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

/* Of a connected socket; 0: not known. */
static pid_t pid_behind(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? 0 : peer.pid;
}

/* A server that was killed may be held up in its end, its socket still there. 0 is in another pid namespace. */
static bool is_alive(pid_t pid)
{
    return pid == 0 || kill(pid, 0) == 0 || errno != ESRCH;
}

/* Remove what a server left that is no more. */
static int clear_stale(const struct sockaddr_un *address, struct fault *fault)
{
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const char *path = address->sun_path;
    struct stat file;

    if (fd < 0)
        return fault_set(fault, -errno, "cannot make a socket: %s", strerror(errno));
    if (lstat(path, &file) < 0)
        return errno == ENOENT ? 0 : fault_set(fault, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(file.st_mode))
        return fault_set(fault, -EEXIST, "%s is there and is no socket: remove it, or choose another --socket", path);
    int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    if (r == 0 && is_alive(pid_behind(fd)))
        return fault_set(fault, -EADDRINUSE,
                         "another server answers on %s (pid %d): stop it, or choose another --socket", path,
                         (int)pid_behind(fd));
    if (r < 0 && r != -ECONNREFUSED)
        return fault_set(fault, -EADDRINUSE, "%s is in use (%s): stop whoever uses it, or choose another --socket",
                         path, strerror(-r));
    if (unlink(path) < 0 && errno != ENOENT)
        return fault_set(fault, -errno, "the stale socket %s cannot be removed: %s", path, strerror(errno));
    return 0;
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

static int bind_to(int fd, const struct sockaddr_un *address, struct fault *fault)
{
    make_parent(address->sun_path);
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return fault_set(fault, -errno, "cannot make the socket %s: %s", address->sun_path, strerror(errno));
    int r = clear_stale(address, fault);
    if (r < 0)
        return r;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return fault_set(fault, -errno, "cannot make the socket %s: %s", address->sun_path, strerror(errno));
    return 0;
}

/* The file is there: open it to all, and know it again. */
static int take_over(const char *path, struct listener *listener, struct fault *fault)
{
    struct stat file;

    if (chmod(path, 0666) == 0 && lstat(path, &file) == 0 && listen(listener->fd, BACKLOG) == 0) {
        listener->device = file.st_dev;
        listener->inode = file.st_ino;
        listener->path = strdup(path);
        if (listener->path)
            return 0;
    }
    int err = -errno;
    unlink(path);
    return fault_set(fault, err, "cannot listen on %s: %s", path, strerror(-err));
}

static int make(const char *path, struct listener *listener, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct listener made = {.fd = fd};

    if (fd < 0)
        return fault_set(fault, -errno, "cannot make a socket: %s", strerror(errno));
    if (strlen(path) >= sizeof(address.sun_path))
        return fault_set(fault, -ENAMETOOLONG, "%s is too long for a socket", path);
    strcpy(address.sun_path, path);
    int r = bind_to(fd, &address, fault);
    if (r == 0)
        r = take_over(path, &made, fault);
    if (r < 0)
        return r;
    fd_take(&fd);
    *listener = made;
    return 0;
}

int listener_open(const char *path, struct listener *listener, struct fault *fault)
{
    int r = from_systemd(listener, fault);

    if (r == 0)
        r = from_android(listener, fault);
    if (r == 0)
        r = make(path, listener, fault);
    return r < 0 ? r : 0;
}

void listener_done(struct listener *listener)
{
    struct stat file;

    if (listener->path && lstat(listener->path, &file) == 0 && file.st_dev == listener->device &&
        file.st_ino == listener->inode)
        unlink(listener->path);
    free(listener->path);
    listener->path = NULL;
    listener->fd = fd_close(listener->fd);
}
