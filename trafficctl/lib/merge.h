/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * From rows as the maps have them to rows as readers want them: named, filtered, merged and sorted. Values in, values
 * out. Results are malloc'ed and owned by the caller, NULL when there are none. -ENOMEM is the only error.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <trafficctl/traffic.h>

#include "stats.h"

/* Name of an interface; of a longer one the first 15 bytes count. Valid until the next call. */
typedef const char *(*merge_name_fn)(void *context, uint32_t iface_index);

/* The map's counters in the public form. */
struct tctl_counters merge_counters(const struct tctl_stats_value *value);

/* By UID. */
int merge_uids(const struct stats_row *rows, size_t count, struct tctl_uid_row **ret_rows, size_t *ret_count);

/* By interface name. */
int merge_ifaces(const struct stats_row *rows, size_t count, merge_name_fn name, void *context,
                 struct tctl_iface_row **ret_rows, size_t *ret_count);

/* The rows of one name added up; name NULL: all rows. */
struct tctl_counters merge_iface(const struct tctl_iface_row *rows, size_t count, const char *name);

/* By interface name, UID, tag, set. filter may be NULL. */
int merge_details(const struct stats_row *rows, size_t count, const struct tctl_filter *filter, merge_name_fn name,
                  void *context, struct tctl_detail_row **ret_rows, size_t *ret_count);
