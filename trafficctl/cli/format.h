/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Values as text: sizes, times, foreign bytes, user names. Effects: none, but user names ask the system's databases. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_LEN 32

/* Bytes: "1.5 KiB" for people, else exact. */
void format_size(uint64_t bytes, bool human, char text[static FORMAT_LEN]);

/* Seconds since the epoch in local time: "2026-01-31 13:05:09 +0100". */
void format_time(uint64_t sec, char text[static FORMAT_LEN]);

/* Nanoseconds since the epoch as RFC 3339 has it, in UTC: "2026-01-31T12:05:09.007Z". */
void format_moment(uint64_t ns, char text[static FORMAT_LEN]);

/* JSON has no more than 2^63-1 for readers of signed integers. */
int64_t format_saturated(uint64_t value);

/* Valid UTF-8 with every other byte, and every control character, as \xNN. malloc'ed; NULL: no memory. */
char *format_utf8(const char *bytes);

/* The same without blanks, which are \xNN too: one word of at most max bytes, for readers that split at them. */
char *format_word(const char *bytes, size_t max);

/* Name of a user as format_utf8(), or NULL: none (or no memory). malloc'ed. */
char *format_user(uint32_t uid);
