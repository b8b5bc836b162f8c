/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A command of trafficctl that runs in the test, where nothing is pinned, and what it says. */
#pragma once

#include "cli.h"

struct said {
    char out[16384], err[1024];
};

/* Words end with NULL. */
enum cli_status said_run(const char *const *words, struct said *said);
