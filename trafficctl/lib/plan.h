/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The way from what the maps hold to what they are to hold: writes in an order in which no packet of a UID that both
 * allow is dropped, and none of one that a chain denies before and after passes by it.
 *
 *   PLAN_UNSEEN  lists of chains that are off, interfaces of rules that are not there yet
 *   PLAN_ON      chains that go on
 *   PLAN_ALLOW   what lets pass, in chains that are on before and after
 *   PLAN_DENY    what drops, there
 *   PLAN_OFF     chains that go off; nobody passes, or that ends
 *   PLAN_EMPTY   lists of chains that went off, when no program goes by one any more that it has seen on
 *   PLAN_LAST    rows that say nothing any more, when no program can hold one of them
 *
 * A UID's word in uid_rules has bits of chains of several kinds: there it takes a write for each kind.
 */
#pragma once

#include "fault.h"
#include "image.h"

enum plan_phase {
    PLAN_UNSEEN,
    PLAN_ON,
    PLAN_ALLOW,
    PLAN_DENY,
    PLAN_OFF,
    PLAN_EMPTY,
    PLAN_LAST,
};

/* One element of one map. The value of the configuration's is its chains, with PLAN_CLOSED. */
#define PLAN_CLOSED (UINT64_C(1) << 32)
struct plan_write {
    enum plan_phase phase;
    enum image_map map;
    uint32_t key;
    bool was, is; /* there before, after */
    uint64_t before, after;
    size_t number; /* of equal phase and map in the order they were made */
};

struct plan {
    const struct image *from, *to; /* borrowed */
    struct plan_write *writes;
    size_t count, room;
    uint32_t *keys;        /* room for all writes, as bpf(2) takes them */
    unsigned char *values; /* the same */
};

/* *ret_plan is owned by the caller: plan_done(), while from and to are there. -ENOMEM. */
int plan_make(const struct image *from, const struct image *to, struct plan *ret_plan);
void plan_done(struct plan *plan);

/* Is there room in the maps? -E2BIG: fault says in which there is not; -errno of bpf(2). */
int plan_check(const struct plan *plan, const struct enforce *enforce, struct fault *fault);
