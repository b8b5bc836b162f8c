/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What differs, as it is found: the first ones are kept, all are counted. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <trafficctl/firewall.h>

struct difference_list {
    struct tctl_difference *differences; /* room for max; the caller's */
    size_t max, count;
};

/* what: a format; asked, holds: as they are. What is too long is cut. */
__attribute__((format(printf, 4, 5))) void difference_add(struct difference_list *list, const char *asked,
                                                          const char *holds, const char *what, ...);

/* UIDs that differ alike make one line, which names the first. */
struct difference_uids {
    uint32_t first;
    size_t count;
};
void difference_note(struct difference_uids *uids, uint32_t uid);
/* "uid 10001 and 311 more in dozable"; nothing if there are none. */
void difference_add_uids(struct difference_list *list, const char *asked, const char *holds, const char *where,
                         const struct difference_uids *uids);
