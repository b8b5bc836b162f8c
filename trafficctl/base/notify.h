/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tell a service manager how a service is, by the socket that NOTIFY_SOCKET names. Without it nothing is done: 0. */
#pragma once

/*
 * -errno of socket(2) or sendto(2); -EAGAIN: the manager takes nothing, after a second; -EINVAL: NOTIFY_SOCKET is no
 * path of a Unix socket.
 */
int notify_ready(void);
int notify_reloading(void);
int notify_stopping(void);
