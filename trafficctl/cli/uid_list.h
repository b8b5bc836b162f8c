/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* UIDs in a file: one number or user name a line. Blank lines, and from a # on, nothing counts. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "cli.h"

/* Starts zeroed; end with uid_list_done(). */
struct uid_list {
    uint32_t *uids;
    size_t count, room;
};

void uid_list_done(struct uid_list *list);

/*
 * Read to the end. name is how errors call it. CLI_USAGE: said "NAME:LINE: what is wrong"; CLI_FAILED: it could not be
 * read, said.
 */
enum cli_status uid_list_read(FILE *in, const char *name, struct uid_list *list);
