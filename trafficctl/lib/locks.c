/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"

#define STEP_NS 1000000

/* What the kernel prints of a list in one read, in whole lines. */
#define PAGE 4096
/* Readings in which a lock can be passed over, before it is believed that there is none. */
#define LOOKS 8

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

/*
 * One reading. The kernel gives a page at a time, and finds its place again by counting: when locks before it go
 * meanwhile, others are passed over. *ret_whole: one page was all.
 */
static int look(const struct stat *file, pid_t *ret_pid, bool *ret_whole)
{
    char page[PAGE + 1];
    int pages = 0;
    pid_t pid = 0;
    ssize_t length;
    _cleanup_fd_ int fd = open("/proc/locks", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (pid == 0 && (length = read(fd, page, PAGE)) != 0) {
        if (length < 0)
            return -errno;
        page[length] = '\0';
        pages++;
        char *rest = page;
        for (const char *line; pid == 0 && (line = strsep(&rest, "\n"));)
            pid = locks_parse(line, file);
    }
    *ret_pid = pid;
    *ret_whole = pages < 2;
    return 0;
}

int locks_holder(const struct stat *file, pid_t *ret_pid)
{
    bool whole = false;
    pid_t pid = 0;
    int r = 0;
    for (int i = 0; i < LOOKS && r == 0 && pid == 0 && !whole; i++)
        r = look(file, &pid, &whole);
    if (r == 0)
        *ret_pid = pid;
    return r;
}
