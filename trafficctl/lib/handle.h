/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a struct tctl is inside the library. */
#pragma once

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

#include "names.h"

struct tctl {
    char *bpffs;
    int stats[TCTL_STATS_MAPS]; /* by enum tctl_stats_map */
    int names;
    int spill; /* -1 unless the counters are per-CPU */
    int state;
};

/* For names_get(); end with names_done(). The handle lives longer. */
struct names handle_names(const struct tctl *traffic);
