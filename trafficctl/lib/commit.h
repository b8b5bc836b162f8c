/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A change in both places, the saved policy first: it outlives the maps, and a difference to it is shown. The writers'
 * lock is the caller's. What went wrong is in firewall->problem, mostly.
 */
#pragma once

#include "change.h"
#include "firewall.h"

/* Errors as tctl_firewall_*(). *ret_destroy: open sockets of whoever is blocked now are to be aborted. */
int commit_change(struct tctl_firewall *firewall, struct change *change, bool *ret_destroy);

/* tctl_firewall_restore() */
int commit_saved(struct tctl_firewall *firewall, bool *ret_destroy);
