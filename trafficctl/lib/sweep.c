/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "charge.h"
#include "cleanup.h"
#include "fd.h"
#include "gather.h"
#include "pins.h"

/* Rows that are taken away in one go, in a few ms, and the pause after it. */
#define AT_A_TIME 1024
#define PAUSE_NS 100000

/*
 * Twice by storage: the kernel lists storages by where they are in memory, and tagging puts a new one in the place of a
 * socket's, which may be where the list has been already.
 */
static const enum pin_id lists[] = {PIN_STORED_SOCKETS, PIN_OPEN_SOCKETS, PIN_STORED_SOCKETS};

struct sweep {
    struct tags *tags;
    int live;
    int list[ARRAY_SIZE(lists)];
    uint64_t number; /* of this sweep */
};

static void sweep_done(struct sweep *sweep)
{
    fd_close(sweep->live);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        fd_close(sweep->list[i]);
}

static int open_list(const char *bpffs, enum pin_id id, int *ret_fd)
{
    _cleanup_free_ char *path = NULL;
    int r = pins_path(bpffs, id, &path);
    if (r < 0)
        return r;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int open_all(const char *bpffs, struct sweep *sweep)
{
    if (getrandom(&sweep->number, sizeof(sweep->number), 0) < 0)
        return -errno;
    int r = pins_open_map(bpffs, PIN_LIVE, true, &sweep->live);
    for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
        r = open_list(bpffs, lists[i], &sweep->list[i]);
    return r;
}

/* Also what a sweep asked that was killed. One that is at work takes those that nobody asks about any more for live. */
static int forget(const struct sweep *sweep)
{
    _cleanup_(gather_done) struct gather asked = {0};
    int r = gather_keys(sweep->live, NULL, NULL, &asked);
    for (size_t i = 0; i < asked.count && r == 0; i++)
        bpf_map_delete_elem(sweep->live, gather_key(&asked, i));
    return r;
}

/* Every cookie that has a row now. Under the lock: who tagged one has given its socket a storage too. */
static int list_rows(const struct sweep *sweep, struct gather *rows)
{
    int r = writer_lock(&sweep->tags->writer);
    if (r < 0)
        return r;
    r = gather_keys(sweep->tags->cookie_tag, NULL, NULL, rows);
    writer_unlock(&sweep->tags->writer);
    return r;
}

static int ask(const struct sweep *sweep, const struct gather *rows)
{
    __u32 count = (__u32)rows->count;
    _cleanup_free_ struct tctl_live *values = calloc(count, sizeof(*values));
    if (!values)
        return -ENOMEM;
    for (__u32 i = 0; i < count; i++)
        values[i].asked = sweep->number;
    return bpf_map_update_batch(sweep->live, rows->keys, values, &count, NULL);
}

/*
 * Where nothing is written for the reader, one read(2) goes over a whole list, and whoever is in it all the time is
 * found. Only after a million entries the kernel returns, with EAGAIN, and goes on by task and descriptor in the list
 * of open files, which leaves nobody out, but by counting in the list of storages: as many as went meanwhile hide
 * others. Then nobody knows who is live.
 */
static int look(int fd, enum pin_id id)
{
    char nothing;
    ssize_t got;
    do
        got = read(fd, &nothing, sizeof(nothing));
    while (got < 0 && (errno == EINTR || (errno == EAGAIN && id == PIN_OPEN_SOCKETS)));
    if (got < 0)
        return -errno;
    return got == 0 ? 0 : -EPROTO;
}

static int look_everywhere(const struct sweep *sweep)
{
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
        r = look(sweep->list[i], lists[i]);
    return r;
}

/* About whom another sweep asks by now nothing is known. */
static int is_dead(void *number, const void *cookie, const void *value)
{
    const struct tctl_live *live = value;
    (void)cookie;
    return live->asked == *(const uint64_t *)number && live->seen == 0;
}

static int end_some(struct tags *tags, const struct gather *dead, size_t *at, size_t *removed)
{
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    for (size_t i = 0; *at < dead->count && i < AT_A_TIME && r == 0; i++, (*at)++) {
        r = charge_end_row(tags, *(const uint64_t *)gather_key(dead, *at));
        *removed += r == 0;
        r = r == -ENOENT ? 0 : r;
    }
    writer_unlock(&tags->writer);
    return r;
}

/* Others who write tags do not wait for all of it; a pause lets them have the lock. */
static int end_dead(struct sweep *sweep, size_t *ret_removed)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    _cleanup_(gather_done) struct gather dead = {0};
    size_t at = 0, removed = 0;
    int r = gather_keys(sweep->live, is_dead, &sweep->number, &dead);
    while (r == 0 && at < dead.count) {
        r = end_some(sweep->tags, &dead, &at, &removed);
        if (at < dead.count)
            nanosleep(&pause, NULL);
    }
    if (r == 0)
        *ret_removed = removed;
    return r;
}

static int ask_and_end(struct sweep *sweep, size_t *ret_removed)
{
    _cleanup_(gather_done) struct gather rows = {0};
    int r = list_rows(sweep, &rows);
    if (r < 0)
        return r;
    if (rows.count == 0) {
        *ret_removed = 0;
        return 0;
    }
    r = ask(sweep, &rows);
    if (r == 0)
        r = look_everywhere(sweep);
    return r < 0 ? r : end_dead(sweep, ret_removed);
}

int sweep_run(const char *bpffs, struct tags *tags, size_t *ret_removed)
{
    _cleanup_(sweep_done) struct sweep sweep = {.tags = tags, .live = -1, .list = {-1, -1, -1}};
    int r = open_all(bpffs, &sweep);
    if (r == 0)
        r = forget(&sweep);
    if (r < 0)
        return r;
    r = ask_and_end(&sweep, ret_removed);
    int forgotten = forget(&sweep);
    return r < 0 ? r : forgotten;
}
