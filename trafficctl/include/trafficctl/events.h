/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl: what the firewall drops, as it happens, with or without trafficd running.
 *
 * At most one event a second for each UID and reason; tctl_read_drops() counts every packet. Events that nobody reads
 * in time are lost: no packet ever waits for a reader. There is one reader at a time.
 *
 * Functions return 0 or a negative errno. A handle may be used by one thread at a time; different handles are
 * independent. Nothing here prints, exits or keeps global state.
 */
#ifndef TRAFFICCTL_EVENTS_H
#define TRAFFICCTL_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <trafficctl/traffic.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct tctl_events;

struct tctl_firewall_event {
    uint64_t time_ns;           /* CLOCK_REALTIME */
    uint32_t uid;               /* whose rule it was */
    const char *reason;         /* static; the chain's name, or "iif", "lockdown", "closed" */
    char iface[TCTL_IFACE_LEN]; /* "": of another network namespace, or not chosen yet (a refused connect) */
    bool out;
    bool refused_connect; /* there was no packet: connect(2) failed */
};

/*
 * Become the reader of what happens from now on, below bpffs (NULL: TCTL_BPFFS). The handle is owned by the caller; end
 * it with tctl_events_close(). Needs root. -EALREADY: another process reads, see tctl_events_reader(); -EBUSY: another
 * process has had the writers' lock for 5 s; -ENOENT, -EACCES, -EPROTO, -ENOMEM as tctl_open(); -EOPNOTSUPP: trafficd
 * works by nf_tables there.
 */
int tctl_events_open(const char *bpffs, struct tctl_events **ret_events);

/* NULL is fine. Always returns NULL. */
struct tctl_events *tctl_events_close(struct tctl_events *events);

/*
 * Who reads now. *ret_pid 0: nobody that this pid namespace can see. Needs search permission on the bpffs alone.
 * -EACCES: without; -ENOMEM, -errno of reading /proc/locks.
 */
int tctl_events_reader(const char *bpffs, int *ret_pid);

/* A descriptor that poll(2) finds readable when there are events. Owned by events. */
int tctl_events_fd(const struct tctl_events *events);

/* A negative result ends tctl_events_read(). */
typedef int (*tctl_event_fn)(void *context, const struct tctl_firewall_event *event);

/*
 * Hand on the events there are; does not wait for any. What fn returns when that is negative; -ESTALE: everything was
 * unloaded since the handle was opened, there will be no more (ask once a second, poll(2) does not tell).
 */
int tctl_events_read(struct tctl_events *events, tctl_event_fn fn, void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
