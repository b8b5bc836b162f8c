/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0)
            return -errno;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

/* One of a process that had this pid may have been left. Whoever may write here may not lead us elsewhere. */
static int create(const char *path, int *ret_fd)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return *ret_fd < 0 ? -errno : 0;
}

/* Nothing of it outlives a reboot but by mistake: it need not have reached the disk. */
static int fill(int fd, const char *bytes, size_t length)
{
    int r = write_all(fd, bytes, length);

    return r == 0 && fchmod(fd, 0644) < 0 ? -errno : r; /* whatever the umask */
}

int textfile_write(const char *path, const char *bytes, size_t length, struct fault *fault)
{
    _cleanup_free_ char *beside = NULL;
    _cleanup_fd_ int fd = -1;

    /* node_exporter reads what ends in .prom, so not this. */
    if (asprintf(&beside, "%s.%d", path, (int)getpid()) < 0)
        return beside = NULL, -ENOMEM;
    int r = create(beside, &fd);
    if (r < 0)
        return fault_set(fault, r, "cannot make %s: %s", beside, strerror(-r));
    r = fill(fd, bytes, length);
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(beside);
    return r < 0 ? fault_set(fault, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}
