/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Interfaces that come, go and get other names, as rtnetlink tells: metered marks and rules of the saved policy are by
 * name, in the maps by number. A member of the daemon's loop. Logs.
 */
#pragma once

#include "settings.h"

struct event_base;
struct links;

/*
 * Follow what changed before this, and from now on. settings is borrowed until links_free(). -ENOMEM; what fails
 * otherwise is logged and tried again.
 */
int links_new(struct event_base *base, const struct settings *settings, struct links **ret_links);
/* NULL is fine. Returns NULL. */
struct links *links_free(struct links *links);
