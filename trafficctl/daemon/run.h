/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The life of the daemon: load, tell readiness, then serve and watch until a signal ends it. Logs. */
#pragma once

#include "options.h"

/* Until SIGTERM or SIGINT: 0. Otherwise -errno, already logged. Counting goes on after either. */
int run(const struct options *options, const struct options_files *files, const struct settings *settings,
        const char *effective);

/* Load and pin without staying: 0 or -errno, already logged. */
int run_load_only(const struct settings *settings, const char *effective);
