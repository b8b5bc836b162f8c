/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* All rows of a pinned map, to be compared with what they are later. Asserts with cmocka. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

struct content {
    unsigned char *rows; /* keys and values, sorted; of per-CPU maps the sums */
    size_t count, size;
};

/* Rows first to first + count - 1, as the map's own programs or user space might have made them. */
void content_fill(const struct fixture *fixture, enum pin_id id, uint32_t first, uint32_t count);

/* Free by content_done(). */
struct content content_read(const struct fixture *fixture, enum pin_id id);
void content_done(struct content *content);

/* The test fails if one is missing, more or other. */
void content_assert_same(const struct content *a, const struct content *b);

uint32_t content_room(const struct fixture *fixture, enum pin_id id);
