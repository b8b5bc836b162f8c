/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A file for node_exporter's textfile collector. */
#pragma once

#include <stddef.h>

#include "fault.h"

/*
 * Replace path by one that has these bytes, for everybody to read; who reads it sees the old file or the new one,
 * whole. -errno, and fault says what failed; nothing is left beside it then.
 */
int textfile_write(const char *path, const char *bytes, size_t length, struct fault *fault);
