/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The maps: their shapes, and which pin each belongs to. */
#pragma once

#include "job.h"

struct bpf_map;

/* The map of a pin; NULL for programs and links. */
struct bpf_map *maps_of(const struct job *job, enum pin_id id);

/* Is this map made on this kernel with these options? */
bool maps_wanted(const struct job *job, enum pin_id id);

/* Give the opened skeleton's maps their sizes and types. */
int maps_shape(struct job *job);

/* Let the skeleton use what is pinned; to be called before it is loaded. */
int maps_reuse(struct job *job);

/* Put first values into the new maps that need some, then pin them. */
int maps_pin(struct job *job);
