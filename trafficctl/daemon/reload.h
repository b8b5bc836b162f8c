/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What SIGHUP does: read the files again, apply what can be, name what needs a restart or an unload. Logs. */
#pragma once

#include "options.h"

/*
 * settings become the ones in force. A file that does not parse, or a loader that fails, leaves everything as it was:
 * -errno, already logged.
 */
int reload(const struct options *options, const struct options_files *files, struct loaded *loaded,
           struct settings *settings);
