/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * netd's fwmarkd protocol: anybody connects, tags sockets, and gets an answer. Here is the socket, and the process that
 * serves it (server.h). A member of the daemon's loop. Logs.
 */
#pragma once

#include "settings.h"

struct event_base;
struct fwmarkd;

/*
 * Listen and serve; base is used until fwmarkd_stop(). has_tags: as server_main(). fault says what to do. -EADDRINUSE,
 * -EEXIST: something is in the place of the socket; -ENOMEM, -EAGAIN: no room for a process and its threads;
 * -ETIMEDOUT; -errno.
 */
int fwmarkd_start(const struct settings *settings, bool has_tags, struct event_base *base, struct fwmarkd **ret_fwmarkd,
                  struct fault *fault);

/* Where clients reach it: the path, or words for a socket that was handed over. Lives as long as fwmarkd. */
const char *fwmarkd_place(const struct fwmarkd *fwmarkd);

/* Who may do accounting, by the settings now, from the next request on. */
void fwmarkd_apply(struct fwmarkd *fwmarkd, const struct settings *settings);

/* Stop listening and serving, within a second. NULL is fine. Returns NULL. */
struct fwmarkd *fwmarkd_stop(struct fwmarkd *fwmarkd);
