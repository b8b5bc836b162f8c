/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl-tag: tag a socket of one's own, through trafficd (or any server of netd's fwmarkd protocol). Needs the
 * C library alone.
 *
 * Every function returns 0 or a negative errno. Unlike netd's own client, no server is an error: -ECONNREFUSED when
 * nobody listens, -ECONNRESET when the server went away without an answer, -ETIMEDOUT after 2 seconds in all. No signal
 * is raised and no thread, no global state is kept. -EACCES: no permission to reach the server; -ENAMETOOLONG: its path
 * has more than 107 bytes; -EPROTO: it does not speak the protocol. Anything else is the server's answer; from all of
 * them -EOPNOTSUPP where trafficd counts by nf_tables, which knows neither tags nor sets.
 *
 * server is the path of its socket; NULL: TCTL_FWMARKD.
 */
#ifndef TRAFFICCTL_TAG_H
#define TRAFFICCTL_TAG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define TCTL_FWMARKD "/run/trafficctl/fwmarkd"

/* As uid below: whoever calls. */
#define TCTL_MYSELF 0xFFFFFFFFu

/*
 * Charge uid under tag for what the socket sends and receives from now on, until tctl_untag() or the socket's last
 * close. Tag 0 charges uid without a tag. A tagged socket is tagged anew. fd stays the caller's. -EPERM: only who may
 * do accounting can charge another uid; -EBADF; -ENOTSOCK; -EAFNOSUPPORT: neither AF_INET nor AF_INET6; -EMFILE: uid is
 * charged under 500 other tags; -E2BIG: no room for another tagged socket; -EAGAIN: this user has too many connections
 * to the server; -EBUSY: another writer of tags has been at it for 5 seconds; -ESHUTDOWN: the server is stopping.
 */
int tctl_tag(const char *server, int fd, uint32_t uid, uint32_t tag);

/* -ENOENT: the socket is not tagged; -EPERM: it is neither the caller's nor charged to the caller; else as tctl_tag().
 */
int tctl_untag(const char *server, int fd);

/* Count what uid sends and receives in set 0 (background) or 1 (foreground). Who may do accounting only: -EPERM.
 * -EINVAL. */
int tctl_counter_set(const char *server, uint32_t uid, uint32_t set);

/* Delete what was counted for uid under tag (0: everything of uid). Who may do accounting only: -EPERM. */
int tctl_delete_tag_data(const char *server, uint32_t uid, uint32_t tag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
