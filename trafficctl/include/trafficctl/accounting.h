/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl: tag sockets and choose counter sets directly at the pinned maps, with or without trafficd running.
 * Takes root. Everybody else asks trafficd: see trafficctl/tag.h. Nothing here prints, exits or keeps global state.
 *
 * Every function returns 0 or a negative errno. What it wrote holds from the next packet on. Writers wait for each
 * other. From any of them -EBUSY: another process, stopped perhaps, has been at it for 5 seconds; -ESTALE: everything
 * was unloaded, or maps were replaced by larger ones, since tctl_accounting_open(), open it anew.
 */
#ifndef TRAFFICCTL_ACCOUNTING_H
#define TRAFFICCTL_ACCOUNTING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Maps of one bpffs, open for writing. May be used by several threads. */
struct tctl_accounting;

/*
 * bpffs may be NULL: /sys/fs/bpf. End with tctl_accounting_close(). -ENOENT: nothing is pinned there; -EACCES, -EPERM:
 * not root; -EPROTO: the pins are of another version of trafficctl; -EOPNOTSUPP: trafficd counts by nf_tables there,
 * without tags; -ENOMEM.
 */
int tctl_accounting_open(const char *bpffs, struct tctl_accounting **ret_accounting);

/* NULL is fine. Always returns NULL. */
struct tctl_accounting *tctl_accounting_close(struct tctl_accounting *accounting);

/*
 * Charge uid under tag for what the socket sends and receives from now on, until tctl_socket_untag() or the socket's
 * last close. Tag 0 charges uid without a tag. A tagged socket is tagged anew. fd stays the caller's. -EBADF,
 * -ENOTSOCK; -EAFNOSUPPORT: neither AF_INET nor AF_INET6; -EINVAL: uid 0xFFFFFFFF; -EMFILE: uid is charged under 500
 * other tags; -E2BIG: the map of tags is full; -ENOMEM.
 */
int tctl_socket_tag(struct tctl_accounting *accounting, int fd, uint32_t uid, uint32_t tag);

/* -ENOENT: the socket is not tagged; else as tctl_socket_tag(). */
int tctl_socket_untag(struct tctl_accounting *accounting, int fd);

/*
 * Count what uid sends and receives from now on in set 0 (default, background) or 1 (foreground). -EINVAL: another set,
 * or uid 0xFFFFFFFF; -E2BIG: the map of sets is full.
 */
int tctl_uid_counter_set(struct tctl_accounting *accounting, uint32_t uid, uint32_t set);

/*
 * Delete what was counted for uid under tag, and that tag from uid's sockets; tag 0: everything of uid. Nothing of it
 * is left on success, which is also when there was nothing. -EINVAL: uid 0xFFFFFFFF; -ENOMEM; -errno of bpf(2): a part
 * is left, do it again.
 */
int tctl_uid_delete_tag_data(struct tctl_accounting *accounting, uint32_t uid, uint32_t tag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
