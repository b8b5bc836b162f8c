/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The program that asks what netd asks, loaded and filled. Nothing is attached or pinned. */
#pragma once

#include <stdint.h>

struct netd_like;

/*
 * Three chains on, which app passes, and a tag of app's for every socket to come for a while. first_app: of whom chains
 * are asked. NULL and a message when it cannot be loaded; for netd_like__destroy().
 */
struct netd_like *netd_candidate_load(uint32_t app);
