/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One reading of everything that is exported, as plain values. */
#pragma once

#include <trafficctl/firewall.h>

/* A name of an interface as UTF-8, where bytes that are none are \xNN. */
#define COLLECT_DEVICE_LEN (4 * TCTL_IFACE_LEN)

/* What was counted for a user at an interface; or at an interface, and uid is 0. */
struct collect_row {
    uint32_t uid;
    char device[COLLECT_DEVICE_LEN];
    struct tctl_counters counters;
};

/* Ascending by uid, then by device; no two of the same. */
struct collect_rows {
    struct collect_row *rows;
    size_t count;
};

struct collect_drop {
    const char *reason;
    uint64_t rx_packets, tx_packets;
};

struct collected {
    int error; /* not 0: maps could not be read, and there is nothing else here */
    struct tctl_status status;
    const char *backend; /* "bpf" or "nft" */
    struct collect_rows devices, users;
    struct collect_drop *drops; /* every reason that there is */
    size_t drop_count;
};

/* Opens the pins of bpffs anew, so that it follows an unload and a new start. End with collect_done(). */
void collect_read(const char *bpffs, struct collected *ret_collected);
void collect_done(struct collected *collected);
