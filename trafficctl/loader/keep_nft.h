/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of nf_tables of a start, kept whole. */
#pragma once

#include "loaded.h"

/* 1 << enum tctl_program of what the table does instead. */
extern const uint32_t keep_nft_wanted;

/* Note the effective options, and why nf_tables counts. */
void keep_nft_options(struct tctl_state *state, const struct load_options *options, const char *why);

/* Make the table whole, by what the state says; asleep, if it is made. Errors of nft_table_put(). */
int keep_nft_put(struct loaded *loaded, bool asleep, struct fault *fault);
