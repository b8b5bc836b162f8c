/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "locks.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "cleanup.h"

#define STEP_NS 1000000

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* flock() would wait for ever, and there is no wait with an end. */
int locks_wait(int fd, unsigned int patience_ms)
{
    const struct timespec step = {.tv_nsec = STEP_NS};
    uint64_t begin_ms = 0;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        begin_ms = begin_ms ?: now_ms();
        if (now_ms() - begin_ms >= patience_ms)
            return -EBUSY;
        nanosleep(&step, NULL);
    }
    return 0;
}

pid_t locks_parse(const char *line, const struct stat *file)
{
    /* "1: FLOCK  ADVISORY  WRITE 1234 00:1c:5678 0 EOF"; who waits has "-> FLOCK" there. */
    unsigned int disk_major, disk_minor;
    unsigned long long inode;
    pid_t pid;
    if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &disk_major, &disk_minor, &inode) != 4)
        return 0;
    if (disk_major != major(file->st_dev) || disk_minor != minor(file->st_dev) || inode != file->st_ino)
        return 0;
    return pid > 0 ? pid : 0;
}

int locks_holder(const struct stat *file, pid_t *ret_pid)
{
    _cleanup_fclose_ FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return -errno;

    _cleanup_free_ char *line = NULL;
    size_t size = 0;
    pid_t pid = 0;
    errno = 0;
    while (pid == 0 && getline(&line, &size, locks) >= 0)
        pid = locks_parse(line, file);
    if (pid == 0 && ferror(locks))
        return errno ? -errno : -EIO;
    *ret_pid = pid;
    return 0;
}
