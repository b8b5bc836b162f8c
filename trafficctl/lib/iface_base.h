/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl/iface_base: what the kernel's own counters of an interface said when counting began there. Writing: root.
 */
#pragma once

#include <stddef.h>

#include <traffic_abi.h>

#include "link_list.h"
#include "stats.h"

/*
 * Note interfaces of this network namespace that are not noted yet; those that are stay as they are. links: as they
 * were just read. Where the map is full some stay so, which verify says. -ENOMEM, errors of pins_open_map() and of
 * bpf(2).
 */
int iface_base_note(const char *bpffs, const struct link_info *links, size_t count);

/* The same of all interfaces that there are now. Errors of link_list_read() too. */
int iface_base_note_all(const char *bpffs);

/* Rows of an interface, added up. Of rows of users: those without tag, which hold the others. */
struct tctl_stats_value iface_base_sum(const struct stats_rows *rows, uint32_t index);

/* In the form of the stats maps. */
struct tctl_stats_value iface_base_link(const struct link_info *link);
