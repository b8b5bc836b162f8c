/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A socket where members of read_group get all counters, as a memfd, where they may not ask the kernel themselves.
 * Whoever connects is told once; nobody is waited for. All who ask within 50 ms are told the same, which is never older
 * than their asking. A member of the daemon's loop.
 */
#pragma once

#include <sys/types.h>

#include "fault.h"

struct event_base;
struct readings;

/* The counters now, as a descriptor that the caller closes, and that nobody can write to. -errno: told to who asks. */
typedef int (*readings_fn)(void *context, int *ret_fd);

/*
 * Listen at path, for root and group alone; base is used until readings_free(). -EADDRINUSE, -EEXIST, -ENAMETOOLONG as
 * socket_file_listen(); -ENOMEM, -errno of chown(2); fault says what to do.
 */
int readings_new(struct event_base *base, const char *path, gid_t group, readings_fn read, void *context,
                 struct readings **ret_readings, struct fault *fault);

/* From now on for root and this group. -errno of chown(2). */
int readings_give(struct readings *readings, gid_t group);

/* Stop listening, and take the socket away. NULL is fine. Returns NULL. */
struct readings *readings_free(struct readings *readings);
