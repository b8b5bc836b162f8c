/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The kernel's tables of iptables-legacy, as they are. Needs CAP_NET_ADMIN; no raw socket, and no program is run. */
#pragma once

#include "legacy_entries.h"

/* A socket to ask about a family's tables. The caller owns it. -EAFNOSUPPORT: the kernel does not have the family. */
int legacy_table_open(int family, int *ret_fd);

/* Whether there is such a table: asking for it by legacy_table_read() makes it. -errno of reading /proc. */
int legacy_table_exists(const struct legacy_place *place, bool *ret_exists);

/*
 * A table's entries; *ret_blob is to be given to legacy_blob_done(). -ENOENT: the kernel has no such table;
 * -ENOPROTOOPT: it has none at all (both: or its module is not loaded); -EPERM; -EAGAIN: it changes all the time.
 */
int legacy_table_read(int fd, const struct legacy_place *place, struct legacy_blob *ret_blob);

void legacy_blob_done(struct legacy_blob *blob);
#define _cleanup_blob_ _cleanup_(legacy_blob_done)

/* Whether the kernel knows a match; it tries to load its module. */
bool legacy_table_has_match(int fd, int family, const char *name, uint8_t revision);
