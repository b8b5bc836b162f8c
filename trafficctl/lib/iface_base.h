/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * trafficctl/iface_base: what the kernel's own counters of an interface said when counting began there. Writing: root.
 */
#pragma once

#include <traffic_abi.h>

#include "link_list.h"
#include "stats.h"

/*
 * Note all interfaces of this network namespace that are not noted yet; those that are stay as they are. Where the map
 * is full some stay so, which verify says. Errors of link_list_read(), of pins_open_map() and of bpf(2).
 */
int iface_base_note_all(const char *bpffs);

/* Rows of an interface, added up. Of rows of users: those without tag, which hold the others. */
struct tctl_stats_value iface_base_sum(const struct stats_rows *rows, uint32_t index);

/* In the form of the stats maps. */
struct tctl_stats_value iface_base_link(const struct link_info *link);
