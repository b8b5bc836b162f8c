/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Do trafficctl's documents say what the second reader finds in the maps? What they ought to say is made here once
 * more, of dumps alone: CPUs and spill added up, interfaces named, equal names merged, sorted, escaped, cut to what
 * JSON can hold; and then all of it has to be equal. Asserts with cmocka, for a test process in A.
 */
#pragma once

#include <stdbool.h>

/* Names of interfaces that are no plain words, and how they are shown. */
struct odd_name {
    const char *name, *shown;
    bool in_rules; /* the saved policy is lines of text: what would break them is refused */
};
#define ODD_NAMES 4
extern const struct odd_name odd_names[ODD_NAMES];

/* stats uid, iface, detail and drops: as JSON and as text. Somebody may still count: read again until nothing did. */
void stats_agree(bool numeric);
/* The same of the rows of one interface: stats iface NAME, stats detail --iface NAME. */
void stats_agree_on(const char *iface);

/* status: entries and room of maps, chains, what was lost and dropped, since when. */
void status_agrees(void);
/* firewall show: all that it shows. */
void firewall_agrees(void);

/* verify: of each interface what maps alone tell, without the link's own statistics and what is made of those. */
void verify_agrees(void);

/* All of these. */
void all_agree(void);
