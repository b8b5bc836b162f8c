/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What documents*.c share: names, sums, and the comparison. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "second_reader.h"
#include "traffic_abi.h"

/* As chains and reasons are called, by netd's number and ours. */
extern const char *const reason_names[TCTL_REASONS];

/* The name of a number in a dump of the map of names, "removed", or the number itself. */
void iface_of(const struct dump *names, uint32_t number, char ret_name[static TCTL_IFNAME_LEN]);
/* As it is printed: what is odd about it escaped. */
const char *shown(const char *iface);

int compare_uids(const void *a, const void *b);
void add_value(struct tctl_stats_value *sum, const struct tctl_stats_value *value);
/* What all CPUs have in a row of a dump. */
void add_cpus(const struct dump *dump, size_t row, struct tctl_stats_value *sum);
/* What JSON can hold of a counter. */
json_int_t saturated(uint64_t value);

/* What a document ought to say now. */
struct expected {
    json_t *json; /* an object; it has these members, and may have more */
    char *text;   /* lines with single blanks between words */
};

struct document {
    const char *words;        /* trafficctl's, after --json */
    const char *text_options; /* instead of --json */
    bool whole;               /* the text has no other lines, and these in their order */
    struct expected (*now)(const void *context);
    const void *context;
    void (*narrow)(json_t *document); /* take out what maps do not tell; NULL: they tell all */
};

/* Both do. Somebody may still count or write: read again, but when nothing changed meanwhile, the test has failed. */
void comes_to_agree(const struct document *document);
