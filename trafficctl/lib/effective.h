/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The options that trafficd was started with, as it noted them in tctl_state.options for its peers. */
#pragma once

#include <stddef.h>

#include <traffic_abi.h>

/* Any value, the NUL included. */
#define EFFECTIVE_LEN 256

/* A line that the loader adds where nf_tables counts: why. */
#define EFFECTIVE_WHY "backend_why"

/*
 * The value of a key of section [trafficd], as "policy"; an empty one too. -ENOENT: there is no such line, which a
 * trafficd older than the key has left. -EMSGSIZE: longer than any value that trafficd takes.
 */
int effective_find(const struct tctl_state *state, const char *key, char ret_value[static EFFECTIVE_LEN]);

/* The same of what is pinned below bpffs. Errors of pins_open_map() too. */
int effective_read(const char *bpffs, const char *key, char ret_value[static EFFECTIVE_LEN]);
