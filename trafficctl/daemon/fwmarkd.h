/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The server of netd's fwmarkd protocol: anybody connects, tags sockets, and gets an answer. It runs in threads of its
 * own, since the kernel makes whoever receives or closes a descriptor wait for what a peer has prepared. Of these
 * threads one user has at most two at a time; a thread that cannot be woken is replaced.
 */
#pragma once

#include <tags.h>

#include "settings.h"

struct fwmarkd;

/*
 * Listen and serve; tags are used until the end. fault says what to do. -EADDRINUSE, -EEXIST:
 * something is in the place of the socket; -ENOMEM, -EAGAIN: no room for threads; -errno.
 */
int fwmarkd_start(const struct settings *settings, struct tags *tags, struct fwmarkd **ret_fwmarkd,
                  struct fault *fault);

/* Who may do accounting from the next request on. */
void fwmarkd_apply(struct fwmarkd *fwmarkd, const struct settings *settings);

/*
 * Stop listening and serving, within half a second. False: a thread is held up by a peer, or by another writer of tags.
 * It will touch nothing but what it has, which is kept for it: tags too must be left open then, and the process is to
 * end. NULL is fine.
 */
bool fwmarkd_stop(struct fwmarkd *fwmarkd);
