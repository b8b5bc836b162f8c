/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What hangs on the control group and what is pinned, watched and repaired: by events of the pins' folders and of the
 * one that the control group is in, and by a look each ATTACHMENTS_LOOK_MS, since the kernel tells nobody of a link
 * that is detached. Programs, links and their pins are put back; maps never are. Where a table of nf_tables counts, the
 * changes of the ruleset are the events, and the table is made whole at once. A member of the daemon's loop. Logs.
 */
#pragma once

#include <stdbool.h>

#include "settings.h"

#define ATTACHMENTS_LOOK_MS 500

struct attachments;
struct event_base;

/* Told after each look: is the release program attached? */
typedef void (*attachments_fn)(bool release, void *data);

/*
 * Look for the first time, and from now on. loaded and settings are borrowed until attachments_free(); settings may
 * change meanwhile. -ENOMEM.
 */
int attachments_new(struct event_base *base, struct loaded *loaded, const struct settings *settings,
                    attachments_fn told, void *data, struct attachments **ret_attachments);
/* NULL is fine. Returns NULL. */
struct attachments *attachments_free(struct attachments *attachments);
