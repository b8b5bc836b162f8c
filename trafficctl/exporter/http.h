/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The server: GET and HEAD of /metrics, by libevent. */
#pragma once

#include "text.h"

/* Write those that are not NULL. */
typedef void (*http_write)(void *context, struct text *const texts[TEXT_FORMATS]);

/*
 * Serve on a listening descriptor, which stays the caller's, until SIGTERM or SIGINT comes. ready() is called once
 * connections are taken. 0, or a negative errno.
 */
int http_serve(int listener, http_write write, void (*ready)(void *context), void *context);
