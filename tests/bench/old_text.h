/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rows as /proc/net/xt_qtaguid/stats had them, and as its readers took them: a line at a time, by sscanf(). */
#pragma once

#include <stddef.h>

#include <trafficctl/traffic.h>

/* Rows into a file at path. -errno. */
int old_text_write(const char *path, const struct tctl_detail_row *rows, size_t count);

/* The rows of such a file; malloc'ed and the caller's. NULL: no file, or a line that is no row. */
struct tctl_detail_row *old_text_read(const char *path, size_t *ret_count);
