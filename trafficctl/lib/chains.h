/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall's chains: names, and which are on. */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

#include "pins.h"

/* Of every reason of a drop, the chains first, by number: "dozable", "iif", "lockdown", "closed". 0 has none: NULL. */
extern const char *const chains_names[TCTL_REASONS];

/* A chain by its name, not by its number. -ENOENT. */
int chains_find(const char *name, uint32_t *ret_chain);

/* The pin of a chain of netd's (TCTL_NETD_CHAINS). */
enum pin_id chains_pin(enum tctl_reason chain);

/* TCTL_BIT() of every chain that is on. -EACCES, -ENOENT, -errno of bpf(2). Needs root. */
int chains_switched(const char *bpffs, uint32_t *ret_on);
