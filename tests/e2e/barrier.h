/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall of a world, raised and taken down through the public library, in the maps alone. Asserts with cmocka.
 */
#pragma once

#include <trafficctl/firewall.h>

#include "kit.h"
#include "userns.h"

#define BARRIER_USER USERNS_USER /* who is blocked */
#define BARRIER_OTHER 10002      /* who is not */
#define BARRIER_INSIDE 1000      /* a UID in a user namespace of the blocked user's; nobody blocks it by itself */

/* Blocks BARRIER_USER alone, until barrier_down(): by a deny list, or by an allow list of the others. */
void barrier_up(unsigned chain);
/* All chains off and empty, no interface rule, no mark; exemptions as they are by default. */
void barrier_down(void);

/* One change of the above, from the next packet on. */
void barrier_enable(unsigned chain, bool on);
void barrier_set(unsigned chain, uint32_t uid, bool allow);
void barrier_iif(uint32_t uid, const char *iface); /* as tctl_firewall_set_iface() */
void barrier_lockdown(uint32_t uid, bool on);
void barrier_meter(const char *iface, bool on);
void barrier_exempt(bool loopback, bool esp);

/* Two tests: with a deny list and with an allow list up; the chain is what *state points at. */
int barrier_set_up(void **state);
int barrier_tear_down(void **state);
extern unsigned barrier_deny_list, barrier_allow_list;
#define BARRIER_TESTS(test)                                                                                            \
    {#test "_if_denied", test, barrier_set_up, barrier_tear_down, &barrier_deny_list},                                 \
    {                                                                                                                  \
#test "_if_not_allowed", test, barrier_set_up, barrier_tear_down, &barrier_allow_list                          \
    }
