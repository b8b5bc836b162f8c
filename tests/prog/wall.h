/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a user of the library does with the firewall of policing.h, and what has to be saved afterwards. */
#pragma once

#include <stdint.h>

#include "cleanup.h"
#include "policing.h"

void wall_closep(struct tctl_firewall **firewall);
#define _cleanup_wall_ _cleanup_(wall_closep)

/* tctl_firewall_set() of one UID. */
int wall_set(struct tctl_firewall *firewall, unsigned int chain, uint32_t uid, bool allow, unsigned int flags);

/* r is what a call returned: success, and nothing to say. */
void wall_assert_done(struct tctl_firewall *firewall, int r);
/* It is the error that was expected, and the problem says this among other things. */
void wall_assert_refused(struct tctl_firewall *firewall, int r, int expected, const char *said);

/* Write the saved policy by hand. */
void wall_save(const struct policing *policing, const char *text);
/* A file's text, "" where there is none; to be freed. */
char *wall_text(const char *path);
/* The saved policy has these lines. */
void wall_assert_saved(const struct policing *policing, const char *lines);
void wall_assert_nothing_saved(const struct policing *policing);
/* The copy of what holds is the same as what is saved. */
void wall_assert_good(const struct policing *policing);
