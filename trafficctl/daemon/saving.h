/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What was counted where counters go with a table that others may delete: saved each SAVING_MS and at the end. A member
 * of the daemon's loop. Logs.
 */
#pragma once

#define SAVING_MS 10000

struct event_base;
struct loaded;
struct saving;

/* From now on; base and loaded are borrowed until saving_end(). -ENOMEM. */
int saving_new(struct event_base *base, struct loaded *loaded, struct saving **ret_saving);
/* Save for the last time. NULL is fine. Returns NULL. */
struct saving *saving_end(struct saving *saving);
