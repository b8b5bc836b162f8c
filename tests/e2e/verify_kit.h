/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What tests of "trafficctl verify" share. Asserts with cmocka. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "world.h"

struct part {
    json_int_t packets, bytes;
};

/* The command's JSON, run in A, where trafficd runs. The caller's. */
json_t *verify(const char *words, int status);
/* The same of all interfaces, with a0 and lo explained. */
json_t *verify_all(void);

/* "rx" or "tx" of an interface. Borrowed from document. */
json_t *side_of(json_t *document, const char *iface, const char *direction);
struct part part_of(json_t *side, const char *name);
struct part part_less(struct part a, struct part b);
void assert_part(const char *what, struct part part, json_int_t packets, json_int_t bytes);
/* Both equations of trafficctl/verify.h hold, and nothing stays unexplained. */
void assert_explained(json_t *side);
/* What a part of a0 is more than at first. */
struct part raised(json_t *first, json_t *then, const char *direction, const char *name);

/*
 * Count anew, with these offloads of a0 and b0: with others the link counts in another way, which its sums do not tell
 * apart.
 */
void begin(bool tso, bool gso, bool gro);
