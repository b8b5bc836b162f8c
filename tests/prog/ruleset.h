/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A network namespace of the test's own with its loopback, a bpffs, and programs that do nothing but count, pinned
 * where rules find those of interfaces; and what nft and iptables say of it. Needs root. Asserts with cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "nft.h"
#include "pins.h"

#define RULESET_COUNTERS 4

struct ruleset {
    char folder[64]; /* the bpffs */
    int counters;    /* map */
    char *before;    /* see ruleset_note() */
};

/* cmocka's setup and teardown. *state becomes a struct ruleset *. PIN_XT_INGRESS_PROG counts in 0, _EGRESS_ in 1. */
int ruleset_set_up(void **state);
int ruleset_tear_down(void **state);

/* Load a program anew and pin it, in the place of what is pinned there: its packets are counted in that counter. */
void ruleset_pin(struct ruleset *ruleset, const char *bpffs, enum pin_id id, uint32_t counter);
uint64_t ruleset_counted(const struct ruleset *ruleset, uint32_t counter);

/* What a command line prints, malloc'ed; the test fails when the command does. */
char *ruleset_says(const char *command);
/* Run it for its effect. */
void ruleset_run(const char *command);
/* Run it, and it must fail. */
void ruleset_fails(const char *command);

/* Everything that nft and iptables-nft-save print of this namespace, malloc'ed; handles: nft -a too. */
char *ruleset_everything(bool handles);
/* Keep it, and compare it later. */
void ruleset_note(struct ruleset *ruleset);
void ruleset_assert_as_noted(const struct ruleset *ruleset);

/* Tables of every family, with sets, counters, chains of all types, and what iptables-nft makes. */
void ruleset_fill_with_foreign(void);

/* nft_put(), nft_look() and nft_remove(), which succeed. */
void ruleset_put(const struct ruleset *ruleset, struct nft_talk **owner);
uint32_t ruleset_look(const struct ruleset *ruleset);
void ruleset_remove(void);
