/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "link_events.h"

#include <errno.h>
#include <link_list.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* Interfaces that are removed in one look at the maps. */
#define AT_ONCE 256

void link_events_done(struct link_events *events)
{
    free(events->events);
    *events = (struct link_events){0};
}

static int append(struct link_events *events, const struct link_info *info, bool gone)
{
    if (events->count == LINK_EVENTS_MOST)
        return -ENOBUFS;
    if (events->count == events->room) {
        const size_t room = events->room ? 2 * events->room : 64;
        struct link_event *larger = reallocarray(events->events, room, sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        events->events = larger;
        events->room = room;
    }
    struct link_event *event = &events->events[events->count++];
    *event = (struct link_event){.iface.index = info->index, .gone = gone};
    memcpy(event->iface.name, info->name, sizeof(event->iface.name));
    return 0;
}

static int take(struct link_events *events, const struct nlmsghdr *header, unsigned int *malformed)
{
    struct link_info info;
    int r = link_parse(header, &info);
    if (r == 0)
        return append(events, &info, header->nlmsg_type == RTM_DELLINK);
    *malformed += r == -EBADMSG;
    return 0;
}

/* Not libmnl's check of the length, which takes one above INT_MAX for a negative number. */
int link_events_read(struct link_events *events, const void *messages, size_t length, unsigned int *ret_malformed)
{
    const char *at = messages;
    int r = 0;
    *ret_malformed = 0;
    while (length > 0 && r == 0) {
        const struct nlmsghdr *header = (const void *)at;
        if (length < sizeof(*header) || header->nlmsg_len < sizeof(*header) || header->nlmsg_len > length) {
            ++*ret_malformed;
            break;
        }
        r = take(events, header, ret_malformed);
        const size_t step = NLMSG_ALIGN((size_t)header->nlmsg_len);
        at += step < length ? step : length;
        length -= step < length ? step : length;
    }
    return r;
}

/* Interfaces that go one after the other. */
struct going {
    struct iface_name all[AT_ONCE];
    size_t count;
};

static bool goes(const struct going *going, uint32_t index)
{
    for (size_t i = 0; i < going->count; i++) {
        if (going->all[i].index == index)
            return true;
    }
    return false;
}

static int flush(struct going *going, struct iface_names *names)
{
    int r = going->count ? iface_names_remove(names, going->all, going->count) : 0;
    if (r == 0)
        going->count = 0;
    return r;
}

/* A number that comes again is another interface's: the one before goes first. *ret_flushed: all before it is done. */
static int apply(const struct link_event *event, struct going *going, struct iface_names *names, bool *ret_flushed)
{
    const bool again = goes(going, event->iface.index);
    *ret_flushed = going->count == AT_ONCE || (again && !event->gone);
    int r = *ret_flushed ? flush(going, names) : 0;
    if (r < 0)
        return r;
    if (!event->gone)
        return iface_names_set(names, event->iface.index, event->iface.name);
    if (!again)
        going->all[going->count++] = event->iface;
    return 0;
}

int link_events_apply(struct link_events *events, struct iface_names *names, size_t most)
{
    struct going going = {.count = 0};
    const size_t count = events->count < most ? events->count : most;
    size_t done = 0;
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        bool flushed;
        r = apply(&events->events[i], &going, names, &flushed);
        if (r == 0 && flushed)
            done = i;
    }
    if (r == 0)
        r = flush(&going, names);
    if (r == 0)
        done = count;
    events->count -= done;
    memmove(events->events, events->events + done, events->count * sizeof(*events->events));
    return r;
}
