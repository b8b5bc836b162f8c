/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Strict parsing of what users write: the whole text must be the value. -EINVAL: not of the form; -ERANGE: of the form
 * but does not fit; -ESRCH: no such user, group. Outputs are untouched on failure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Decimal or 0x hexadecimal; no sign, no blanks. */
int parse_u32(const char *text, uint32_t *ret);

/* yes, no, true, false, on, off, 1, 0 */
int parse_bool(const char *text, bool *ret);

/* A number or a user's name. 0xFFFFFFFF is -ERANGE: it is the key of the chain switches. */
int parse_uid(const char *text, uint32_t *ret);
/* A number or a group's name. */
int parse_gid(const char *text, gid_t *ret);

struct uid_range {
    uint32_t first;
    uint32_t last; /* belongs to the range */
};

/* "1000-60000,100000-", "10000", "" (none); a missing last is 0xFFFFFFFE. -E2BIG: more than max ranges. */
int parse_uid_ranges(const char *text, struct uid_range *ranges, size_t max, size_t *ret_count);
