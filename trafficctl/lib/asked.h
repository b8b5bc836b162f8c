/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficd was asked for of the firewall beside its rules, as peers have to know it. */
#pragma once

#include <stdbool.h>

#include "effective.h"

#define ASKED_POLICY "/var/lib/trafficctl/policy" /* where nothing else was asked for */

struct asked {
    char policy[EFFECTIVE_LEN]; /* path of the saved policy */
    bool destroy_sockets;
};

/* Of what is pinned below bpffs. Errors of effective_read() but -ENOENT for the one or the other option. */
int asked_read(const char *bpffs, struct asked *ret_asked);
