/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Is it counting, in one line. */
#pragma once

#include <stdbool.h>

#include "trafficctl/traffic.h"

struct health {
    enum tctl_health level; /* how bad it is */
    char text[160];
};

/* "ok", or what is wrong, with what could not be recorded. */
void health_judge(const struct tctl_status *status, const struct tctl_backend *backend, struct health *ret_health);

/* Nothing could be read: a negative errno of tctl_open() or of a read. */
void health_unknown(int err, const char *bpffs, struct health *ret_health);
