/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The socket that fwmarkd's clients connect to: handed over by whoever started trafficd, or made at a path. */
#pragma once

#include "socket_file.h"

/*
 * Listen. LISTEN_FDS (systemd's: its first Unix stream listener) or ANDROID_SOCKET_fwmarkd (init's) win over path; both
 * are taken out of the environment, and leave *listener without a path. Else as socket_file_listen(); a missing
 * directory is made, and anybody may connect. End with socket_file_done(). -ENOTSOCK: what was handed over does not
 * listen.
 */
int listener_open(const char *path, struct socket_file *listener, struct fault *fault);
