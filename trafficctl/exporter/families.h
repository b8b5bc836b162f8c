/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is exported: the names, which are a promise. In the order of the output. */
#pragma once

#include <stdbool.h>

enum family_id {
    FAMILY_BUILD_INFO,
    FAMILY_MAPS_READABLE,
    FAMILY_BACKEND_INFO,
    FAMILY_DAEMON_RUNNING,
    FAMILY_START_TIME,
    FAMILY_LAST_LOOK,
    FAMILY_PROGRAM_ATTACHED,
    FAMILY_HOOK_ATTACHED,
    FAMILY_CHAIN_ENABLED,
    FAMILY_ENFORCING,
    FAMILY_DROPPED,
    FAMILY_MAP_ENTRIES,
    FAMILY_MAP_MAX_ENTRIES,
    FAMILY_MAP_LOST,
    FAMILY_INTERFACE_RX_BYTES, /* these four, and those of UIDs, as in struct tctl_counters */
    FAMILY_INTERFACE_RX_PACKETS,
    FAMILY_INTERFACE_TX_BYTES,
    FAMILY_INTERFACE_TX_PACKETS,
    FAMILY_COLLAPSED,
    FAMILY_UID_INFO,
    FAMILY_UID_RX_BYTES,
    FAMILY_UID_RX_PACKETS,
    FAMILY_UID_TX_BYTES,
    FAMILY_UID_TX_PACKETS,
    FAMILIES
};

struct family {
    const char *name; /* a counter's samples are called name_total */
    bool counter;     /* else a gauge */
    const char *help;
};

extern const struct family families[FAMILIES];
