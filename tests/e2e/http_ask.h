/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A client of HTTP for tests. */
#pragma once

#include <stdint.h>

/*
 * What a server at 127.0.0.1 in B answers to a method and a path, headers included, within 10 s. NULL: nobody listens.
 * The caller's.
 */
char *http_ask(uint16_t port, const char *method, const char *path);
/* Its status, 0 if that is no answer, and what follows the headers. */
int http_status(const char *answer);
const char *http_body(const char *answer);
