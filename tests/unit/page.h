/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A manual page in mdoc(7), and its lists as plain text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of config/man; the caller's. */
char *page_read(const char *name);

/* From the line after ".Sh TITLE" (or ".Ss") up to the next of that kind. Asserts that it is there; the caller's. */
char *page_section(const char *page, const char *heading);

/* The n-th entry of the outer list of a section; its body follows it. NULL: there are no more. */
const char *page_entry(const char *section, size_t n);

/* The line of an entry as help shows it, in lower case: ".It Cm stats uid Op Ar uid" is "stats uid [uid]". */
void page_plain(const char *entry, char *text, size_t size);

/* Options ("--uid") that the body of an entry, up to the next with a body, names: the n-th. false: there are no more.
 */
bool page_body_option(const char *entry, size_t n, char *text, size_t size);
