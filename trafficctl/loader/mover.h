/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counters from one map to another, while programs count in the other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <move.h>
#include <pins.h>

/* Descriptors are the caller's. */
struct move {
    enum pin_id id; /* which counters */
    int from, to;
    bool percpu;
    int spill, busy;    /* what those count with who write to; of per-CPU maps alone */
    const int *running; /* the programs that count in to, -1: none */
    size_t running_count;
};

/* What did not go as it should. */
struct moved {
    uint64_t missed; /* runs of programs at most whose packet was counted while user space wrote the same row */
    uint32_t left;   /* rows that found no room */
    bool by_hand;    /* row by row from user space */
    bool unmeasured; /* and this kernel (before 5.8) does not say how often programs run */
};

/* Which words of this map's rows are counters that programs alone write; .words 0: none. */
const struct move_plan *mover_plan(enum pin_id id);

/* Wait until no program is at work that was replaced before. errno of bpf(2). */
int mover_wait(void);

/*
 * Add what is in from, which no program writes any more, to what is in to, and leave zeroes there. Adds to *moved.
 * Where the kernel has no program for it (before 5.13; 5.19 for per-CPU maps) row by row. -ENOMEM, errno of bpf(2):
 * some is moved, and the rest will be when this is called again.
 */
int mover_move(const struct move *move, struct moved *moved);

/* The two ways of the above. mover_by_program(): -ENOTSUP: this kernel has none. */
int mover_by_program(const struct move *move, struct moved *moved);
int mover_by_hand(const struct move *move, struct moved *moved);
