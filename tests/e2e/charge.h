/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Is all that crosses the wire from here on charged to one UID, under one tag, in one counter set, and under no other?
 * Asserts with cmocka.
 */
#pragma once

#include "flow.h"
#include "meter.h"

struct charge {
    struct meter meter;
    uint32_t tag, set;
    struct tctl_counters plain, tagged, all_tagged;
};

/* tag 0: under no tag. Forgets what the wire saw until now. */
struct charge charge_start(uint32_t uid, uint32_t tag, uint32_t set, const struct wire_filter *filter);
void charge_exact(const struct charge *charge);

/* A flow of a user in A, both ways, that leaves nothing to be acknowledged later. */
struct charge_flow {
    struct wire_filter filter;
    struct udp udp; /* of UDP: both ends; else -1 */
    struct tcp tcp;
};
struct charge_flow charge_flow_new(uid_t uid, int family, uint8_t protocol, unsigned number);
void charge_flow_end(struct charge_flow *flow);
/* The socket in A. */
int charge_flow_socket(const struct charge_flow *flow);
void charge_flow_run(const struct charge_flow *flow);
/* One run, charged so. */
void charge_flow_exact(const struct charge_flow *flow, uint32_t uid, uint32_t tag, uint32_t set);
