/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What rtnetlink told of interfaces and nobody has acted on yet, in its order. Does not log. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iface_names.h>

/* More than a moment's: then all interfaces are asked for again instead. */
#define LINK_EVENTS_MOST 65536

struct link_event {
    struct iface_name iface;
    bool gone;
};

struct link_events {
    struct link_event *events;
    size_t count, room;
};

void link_events_done(struct link_events *events);

/*
 * Add what the messages of one datagram say. *ret_malformed: how many of them are none, and were ignored; one of
 * impossible length ends the datagram. -ENOBUFS: there are too many events; -ENOMEM.
 */
int link_events_read(struct link_events *events, const void *messages, size_t length, unsigned int *ret_malformed);

/*
 * Write down what the first ones say, at most most of them, and forget those that are done. Errors of iface_names_set()
 * and iface_names_remove(): what is left is to be tried again.
 */
int link_events_apply(struct link_events *events, struct iface_names *names, size_t most);
