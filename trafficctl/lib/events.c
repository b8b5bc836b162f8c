/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <trafficctl/events.h>

#include "bpf_reader.h"
#include "chains.h"
#include "cleanup.h"
#include "fd.h"
#include "locks.h"
#include "pins.h"
#include "place.h"
#include "writer.h"

struct tctl_events {
    struct reader *reader; /* knows the names of interfaces */
    struct writer writer;  /* knows whether everything was unloaded */
    int monitoring;        /* locked as long as we read */
    int map;
    struct ring_buffer *ring;
    struct names names; /* of one tctl_events_read() */
    uint64_t ahead_ns;  /* CLOCK_REALTIME is, of CLOCK_MONOTONIC */
    uint64_t since_ns;  /* CLOCK_MONOTONIC: what was before is for nobody */
    tctl_event_fn fn;
    void *context;
};

static void tctl_events_closep(struct tctl_events **events)
{
    *events = tctl_events_close(*events);
}

struct tctl_events *tctl_events_close(struct tctl_events *events)
{
    if (!events)
        return NULL;
    ring_buffer__free(events->ring);
    fd_close(events->map);
    fd_close(events->monitoring);
    writer_done(&events->writer);
    bpf_reader_close(events->reader);
    free(events);
    return NULL;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int take_event(void *context, void *data, size_t size)
{
    struct tctl_events *events = context;
    const struct tctl_event *told = data;
    if (size < sizeof(*told) || told->time_ns < events->since_ns || told->reason >= TCTL_REASONS ||
        !chains_names[told->reason])
        return 0;

    struct tctl_firewall_event event = {
        .time_ns = told->time_ns + events->ahead_ns,
        .uid = told->uid,
        .reason = chains_names[told->reason],
        .out = told->out,
        .refused_connect = told->is_connect,
    };
    if (told->iface)
        snprintf(event.iface, sizeof(event.iface), "%s", names_get(&events->names, told->iface));
    return events->fn(events->context, &event);
}

/* The folder is made under the writers' lock: somebody may be about to unload. */
static int open_monitoring(const struct writer *writer, int *ret_fd)
{
    if (mkdirat(writer->folder_fd, PINS_MONITORING, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(writer->folder_fd, PINS_MONITORING, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int become_reader(struct tctl_events *events)
{
    int r = writer_lock(&events->writer);
    if (r < 0)
        return r == -ESTALE ? -ENOENT : r;
    r = open_monitoring(&events->writer, &events->monitoring);
    writer_unlock(&events->writer);
    if (r == 0 && flock(events->monitoring, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EALREADY : -errno;
    return r;
}

static int open_ring(struct tctl_events *events)
{
    int r = pins_open_map(events->reader->bpffs, PIN_EVENTS, true, &events->map);
    if (r < 0)
        return r;
    events->ring = ring_buffer__new(events->map, take_event, events, NULL);
    return events->ring ? 0 : -errno;
}

int tctl_events_open(const char *bpffs, struct tctl_events **ret_events)
{
    _cleanup_(tctl_events_closep) struct tctl_events *events = malloc(sizeof(*events));
    if (!events)
        return -ENOMEM;
    *events = (struct tctl_events){.monitoring = -1, .map = -1, .since_ns = clock_ns(CLOCK_MONOTONIC)};
    int r = writer_open(place_find(bpffs), &events->writer);
    if (r == 0)
        r = bpf_reader_open(place_find(bpffs), &events->reader);
    if (r == 0)
        r = become_reader(events);
    if (r == 0)
        r = open_ring(events);
    if (r < 0)
        return r;
    *ret_events = TAKE_PTR(events);
    return 0;
}

int tctl_events_reader(const char *bpffs, int *ret_pid)
{
    return pins_lock_holder(place_find(bpffs), PINS_MONITORING_DIR, ret_pid);
}

int tctl_events_fd(const struct tctl_events *events)
{
    return ring_buffer__epoll_fd(events->ring);
}

int tctl_events_read(struct tctl_events *events, tctl_event_fn fn, void *context)
{
    int r = pins_check_loaded(events->writer.folder_fd);
    if (r < 0)
        return r;
    events->fn = fn;
    events->context = context;
    events->ahead_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    events->names = bpf_reader_names(events->reader);
    r = ring_buffer__consume(events->ring);
    names_done(&events->names);
    return r < 0 ? r : 0;
}
