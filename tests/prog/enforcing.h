/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Policies for the maps of policing.h, and what the maps hold then. */
#pragma once

#include <stdint.h>

#include "cleanup.h"
#include "policing.h"

#define _cleanup_policy_ _cleanup_(policy_done)

/* The maps that a policy is about. */
#define ENFORCING_MAPS 7
extern const enum pin_id enforcing_maps[ENFORCING_MAPS];

/* Put the UID on the chain's list. */
void enforcing_list(struct policy *policy, uint32_t chain, uint32_t uid);

/* To be ended with policy_done(): the chain is on and lists two. */
struct policy enforcing_two(uint32_t chain, uint32_t one, uint32_t other);
/* Something of every kind, about UIDs from 10001 and the interfaces plain0, metered0 and POLICING_GONE. */
struct policy enforcing_everything(void);

/* Make the maps hold it; the test fails if that fails. */
void enforcing_apply(const struct policing *policing, const struct policy *policy);
/* What the maps hold; to be ended with policy_done(). */
struct policy enforcing_held(const struct policing *policing);
/* Of switches, lists and lockdown; interfaces are not compared. */
void enforcing_assert_same_lists(const struct policy *a, const struct policy *b);
