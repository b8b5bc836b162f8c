/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The socket that fwmarkd's clients connect to: handed over by whoever started trafficd, or made at a path. */
#pragma once

#include <sys/types.h>

#include "fault.h"

struct listener {
    int fd;     /* listening; accept() waits */
    char *path; /* that was made here; NULL: the socket was handed over */
    dev_t device;
    ino_t inode;
};

/*
 * Listen. LISTEN_FDS (systemd's: its first Unix stream listener) or ANDROID_SOCKET_fwmarkd (init's) win over path; both
 * are taken out of the environment. At path a socket that nobody answers at any more is replaced, a missing directory
 * is made, and anybody may connect. End with listener_done(). -EADDRINUSE: somebody answers there (fault says who);
 * -EEXIST: there is something else than a socket; -ENOTSOCK: what was handed over does not listen; -errno.
 */
int listener_open(const char *path, struct listener *listener, struct fault *fault);

/* Stop listening; remove the path if it is still what was made. */
void listener_done(struct listener *listener);
