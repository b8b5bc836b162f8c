/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The configuration files: INI, strict. Later files win over earlier ones, later lines over earlier lines. */
#pragma once

#include <stdio.h>

#include "settings.h"

#define CONFIG_FILE "/etc/trafficctl/trafficctl.conf"

/*
 * Read one file into settings. -ENOENT, -errno of open; -EINVAL and others: fault names file and line, and settings may
 * hold the lines above it.
 */
int config_read_file(const char *path, struct settings *settings, struct fault *fault);
/* The same from an open stream; path is used in messages only. */
int config_read_stream(FILE *file, const char *path, struct settings *settings, struct fault *fault);

/* Read path if it is there, then the files of "PATH.d" that end in .conf, sorted by name. */
int config_read_default(const char *path, struct settings *settings, struct fault *fault);
