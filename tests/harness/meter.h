/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The question of nearly every test: does what was counted for a UID equal what crossed the wire? Asserts with
 * cmocka, so for the test process only. Before using any: the includes that cmocka.h asks for.
 */
#pragma once

#include "world.h"

struct meter {
    struct world *world;
    uint32_t uid;
    struct wire_filter filter;
    struct tctl_counters before;
};

/* From here on; forgets what the wire saw until now. */
struct meter meter_start(struct world *world, uint32_t uid, const struct wire_filter *filter);
/* Counted equals wire, in the UID's total and in its detailed rows of a0; something must have crossed. */
void meter_exact(const struct meter *meter);
/* Counted equals the wire and more: what was counted but never crossed, or (negative) crossed uncounted. */
struct meter_extra {
    int64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};
void meter_differs(const struct meter *meter, const struct meter_extra *extra);
/* Counted since the start. */
struct tctl_counters meter_counted(const struct meter *meter);
/* On the wire since the start. */
struct tctl_counters meter_wire(const struct meter *meter);
/* Wait until the UID's counters of one direction stand at value or 3 s passed; returns whether they do. */
bool meter_reaches_tx(const struct meter *meter, uint64_t packets);

/* Rows of the filter added up. */
struct tctl_counters detail_sum(struct world *world, const struct tctl_filter *filter);

struct tctl_counters counters_less(struct tctl_counters a, struct tctl_counters b);
void assert_counters_equal(const char *what, struct tctl_counters got, struct tctl_counters expected);

/*
 * The current world: made once for the group, and again for percpu counters. run_both() is a whole main(): it runs
 * the tests in shared and in percpu mode, run_shared() in shared mode only; T in the environment selects.
 */
extern struct world *the_world;
struct CMUnitTest;
int run_world(const char *name, const struct CMUnitTest *tests, size_t count, const struct world_options *options);
int run_both(const char *name, const struct CMUnitTest *tests, size_t count);
int run_shared(const char *name, const struct CMUnitTest *tests, size_t count);

/* Tests run on one CPU; a thread that wants all of them says so. */
void run_anywhere(void);

/* Print the reason and skip; with CI=true that is a failure. missing: CI's kernel lacks it too. */
__attribute__((noreturn)) void skip_because(const char *reason, bool missing);
