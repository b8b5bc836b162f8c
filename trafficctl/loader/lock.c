/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <locks.h>
#include <pins.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "cleanup.h"
#include "fd.h"
#include "job.h"

static int busy(const char *who, const char *todo, int fd, struct fault *fault)
{
    struct stat status;
    pid_t pid = 0;
    if (fstat(fd, &status) == 0)
        locks_holder(&status, &pid);
    return fault_set(fault, -EBUSY, "%s (pid %d): %s", who, (int)pid, todo);
}

static int open_dir(const char *path, int *ret_fd, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    if (fd < 0)
        return fault_set(fault, -errno, "%s: %s", path, strerror(errno));
    *ret_fd = fd;
    return 0;
}

int lock_wait(int fd, struct fault *fault)
{
    int r = locks_wait(fd, LOCKS_PATIENCE_MS);
    if (r != -EBUSY)
        return r;
    return busy("another process is loading, unloading, tagging or changing the policy", "try again when it is done",
                fd, fault);
}

/* Whoever had the lock before may have removed the folder. */
static bool is_still_there(int fd, const char *path)
{
    struct stat locked, named;
    return fstat(fd, &locked) == 0 && stat(path, &named) == 0 && locked.st_dev == named.st_dev &&
           locked.st_ino == named.st_ino;
}

int lock_folder(const char *bpffs, struct undo *undo, int *ret_fd, struct fault *fault)
{
    _cleanup_free_ char *path = job_path(bpffs, TCTL_DIR);
    _cleanup_fd_ int fd = -1;
    if (!path)
        return -ENOMEM;
    /* Everybody may pass: the state in it is for readers. */
    int r = undo ? bpffs_mkdir(path, 0711, undo, fault) : 0;
    if (r == 0)
        r = open_dir(path, &fd, fault);
    if (r == -ENOENT && undo)
        return -ESTALE;
    if (r == 0)
        r = lock_wait(fd, fault);
    if (r < 0)
        return r;
    if (!is_still_there(fd, path))
        return -ESTALE;
    *ret_fd = fd_take(&fd);
    return 0;
}

int lock_running(const char *bpffs, const char *todo, struct undo *undo, int *ret_fd, struct fault *fault)
{
    _cleanup_free_ char *path = job_path(bpffs, PINS_RUNNING_DIR);
    _cleanup_fd_ int fd = -1;
    int r = path ? bpffs_mkdir(path, 0700, undo, fault) : -ENOMEM;
    if (r == 0)
        r = open_dir(path, &fd, fault);
    if (r < 0)
        return r;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? busy("another trafficd runs", todo, fd, fault) : -errno;
    *ret_fd = fd_take(&fd);
    return 0;
}
