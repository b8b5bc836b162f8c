/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The end of tags where the release program is not attached, because the kernel has none or somebody took it off: the
 * kernel's socket-destroy events, and looks for sockets of which it sent none (lib/sweep.h). While the program is
 * attached nothing is listened to. A member of the daemon's loop. Logs.
 */
#pragma once

#include <stdbool.h>

struct event_base;
struct sockets;
struct tags;

/*
 * Removes the tags of sockets that ended while nothing was attached, before it returns. bpffs and tags are borrowed
 * until sockets_free(). -ENOMEM, -EAGAIN; what fails otherwise is logged and tried again.
 */
int sockets_new(struct event_base *base, const char *bpffs, struct tags *tags, struct sockets **ret_sockets);
/* NULL is fine. Returns NULL. */
struct sockets *sockets_free(struct sockets *sockets);

/* Is the release program attached? To be told about each second. */
void sockets_watch(struct sockets *sockets, bool attached);
