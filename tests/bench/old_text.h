/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The text of /proc/net/xt_qtaguid/stats as its readers took it: line by line, by sscanf(). */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include <trafficctl/traffic.h>

/* The rows of such a text; malloc'ed and the caller's. NULL: a line that is no row. Closes it; NULL is no text. */
struct tctl_detail_row *old_text_read(FILE *text, size_t *ret_count);
