/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "charge.h"
#include "cleanup.h"
#include "fd.h"
#include "gather.h"
#include "pins.h"

/*
 * Cookies at once: all that the kernel hands out at once. Between two reads it counts how far it was in a list of
 * storages, so that sockets which go meanwhile hide others.
 */
#define AT_ONCE 4096

/* Rows that are taken away in one go, and the pause after it. */
#define AT_A_TIME 256
#define PAUSE_NS 100000

struct census {
    uint64_t *cookies; /* sorted */
    bool *live;
    size_t count;
};

static void census_done(struct census *census)
{
    free(census->cookies);
    free(census->live);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Every cookie that has a row now. */
static int census_take(struct tags *tags, struct census *census)
{
    _cleanup_(gather_done) struct gather rows = {0};
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    r = gather_keys(tags->cookie_tag, NULL, NULL, &rows);
    writer_unlock(&tags->writer);
    if (r < 0)
        return r;

    census->live = calloc(rows.count + 1, sizeof(*census->live));
    if (!census->live)
        return -ENOMEM;
    census->count = rows.count;
    census->cookies = (uint64_t *)TAKE_PTR(rows.keys);
    if (census->count > 0)
        qsort(census->cookies, census->count, sizeof(*census->cookies), compare);
    return 0;
}

static void census_mark(struct census *census, uint64_t cookie)
{
    const uint64_t *found = bsearch(&cookie, census->cookies, census->count, sizeof(cookie), compare);
    if (found)
        census->live[found - census->cookies] = true;
}

/* -EAGAIN is the kernel's way to say that it looked at very many sockets and named none; it goes on where it was. */
static ssize_t read_some(int fd, void *to, size_t size)
{
    ssize_t got;
    do
        got = read(fd, to, size);
    while (got < 0 && (errno == EINTR || errno == EAGAIN));
    return got < 0 ? -errno : got;
}

/* Read a list of live sockets to its end. */
static int census_ask(struct census *census, const char *bpffs, enum pin_id id)
{
    _cleanup_free_ char *path = NULL;
    int r = pins_path(bpffs, id, &path);
    if (r < 0)
        return r;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    _cleanup_free_ uint64_t *cookies = malloc(AT_ONCE * sizeof(*cookies));
    if (!cookies)
        return -ENOMEM;
    size_t kept = 0; /* bytes of a cookie that came in two pieces */
    for (;;) {
        ssize_t got = read_some(fd, (char *)cookies + kept, AT_ONCE * sizeof(*cookies) - kept);
        if (got <= 0)
            return (int)got;
        size_t bytes = kept + (size_t)got, whole = bytes / sizeof(*cookies);
        for (size_t i = 0; i < whole; i++)
            census_mark(census, cookies[i]);
        kept = bytes % sizeof(*cookies);
        memmove(cookies, cookies + whole, kept);
    }
}

/*
 * Twice by storage: the kernel lists storages by where they are in memory, and tagging puts a new one in the place of a
 * socket's, which may be where the list has been already. More often when one read may not do.
 */
static int census_find_live(struct census *census, const char *bpffs)
{
    const int more = census->count < AT_ONCE ? 1 : 5;
    int r = census_ask(census, bpffs, PIN_STORED_SOCKETS);
    if (r == 0)
        r = census_ask(census, bpffs, PIN_OPEN_SOCKETS);
    for (int i = 0; i < more && r == 0; i++)
        r = census_ask(census, bpffs, PIN_STORED_SOCKETS);
    return r;
}

static int end_some(struct tags *tags, const struct census *census, size_t *at, size_t *removed)
{
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    for (size_t ended = 0; *at < census->count && ended < AT_A_TIME && r == 0; (*at)++) {
        if (census->live[*at])
            continue;
        r = charge_end_row(tags, census->cookies[*at]);
        *removed += r == 0;
        r = r == -ENOENT ? 0 : r;
        ended++;
    }
    writer_unlock(&tags->writer);
    return r;
}

/* Others who write tags do not wait for all of it; a pause lets them have the lock. */
static int end_dead(struct tags *tags, const struct census *census, size_t *ret_removed)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    size_t at = 0, removed = 0;
    int r = end_some(tags, census, &at, &removed);
    while (r == 0 && at < census->count) {
        nanosleep(&pause, NULL);
        r = end_some(tags, census, &at, &removed);
    }
    if (r == 0)
        *ret_removed = removed;
    return r;
}

int sweep_run(const char *bpffs, struct tags *tags, size_t *ret_removed)
{
    _cleanup_(census_done) struct census census = {0};
    int r = census_take(tags, &census);
    if (r == 0)
        r = census_find_live(&census, bpffs);
    return r < 0 ? r : end_dead(tags, &census, ret_removed);
}
