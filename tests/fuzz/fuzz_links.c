/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whatever bytes come as rtnetlink's: nothing beyond them is read, what is no message is counted, and each interface
 * that they tell of has a number that a kernel can give and a name.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

#include "link_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_event(const struct link_event *event)
{
    const size_t length = strnlen(event->iface.name, sizeof(event->iface.name));

    assert(event->iface.index > 0 && event->iface.index < TCTL_REMOVED_FIRST);
    assert(length > 0 && length < sizeof(event->iface.name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_events events = {0};
    unsigned int malformed = 0;
    void *copy = malloc(size ? size : 1); /* aligned as a receive buffer is, and of exactly that size */

    assert(copy);
    memcpy(copy, data, size);
    int r = link_events_read(&events, copy, size, &malformed);
    assert(r == 0);
    assert(events.count + malformed <= size / sizeof(struct nlmsghdr) + 1);
    for (size_t i = 0; i < events.count; i++)
        check_event(&events.events[i]);
    link_events_done(&events);
    free(copy);
    return 0;
}
