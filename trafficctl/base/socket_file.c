/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "socket_file.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"

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
        return fault_set(fault, -EEXIST, "%s is there and is no socket: remove it, or choose another path", path);
    int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    if (r == 0 && is_alive(pid_behind(fd)))
        return fault_set(fault, -EADDRINUSE, "another server answers on %s (pid %d): stop it, or choose another path",
                         path, (int)pid_behind(fd));
    if (r < 0 && r != -ECONNREFUSED)
        return fault_set(fault, -EADDRINUSE, "%s is in use (%s): stop whoever uses it, or choose another path", path,
                         strerror(-r));
    if (unlink(path) < 0 && errno != ENOENT)
        return fault_set(fault, -errno, "the stale socket %s cannot be removed: %s", path, strerror(errno));
    return 0;
}

static int bind_to(int fd, const struct sockaddr_un *address, struct fault *fault)
{
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

/* The file is there: open it to those it is for, and know it again. */
static int take_over(const char *path, mode_t mode, int backlog, struct socket_file *made, struct fault *fault)
{
    struct stat file;

    if (chmod(path, mode) == 0 && lstat(path, &file) == 0 && listen(made->fd, backlog) == 0) {
        made->device = file.st_dev;
        made->inode = file.st_ino;
        made->path = strdup(path);
        if (made->path)
            return 0;
    }
    int err = -errno;
    unlink(path);
    return fault_set(fault, err, "cannot listen on %s: %s", path, strerror(-err));
}

int socket_file_listen(const char *path, mode_t mode, int backlog, struct socket_file *ret, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct socket_file made = {.fd = fd};

    if (fd < 0)
        return fault_set(fault, -errno, "cannot make a socket: %s", strerror(errno));
    if (strlen(path) >= sizeof(address.sun_path))
        return fault_set(fault, -ENAMETOOLONG, "%s is too long for a socket", path);
    strcpy(address.sun_path, path);
    int r = bind_to(fd, &address, fault);
    if (r == 0)
        r = take_over(path, mode, backlog, &made, fault);
    if (r < 0)
        return r;
    fd_take(&fd);
    *ret = made;
    return 0;
}

void socket_file_done(struct socket_file *file)
{
    struct stat now;

    if (file->path && lstat(file->path, &now) == 0 && now.st_dev == file->device && now.st_ino == file->inode)
        unlink(file->path);
    free(file->path);
    file->path = NULL;
    file->fd = fd_close(file->fd);
}
