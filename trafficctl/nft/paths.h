/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The way of a packet through the table: hooks, and what is counted where. Knows no kernel. */
#pragma once

#include <stdbool.h>

#include "expr.h"

/* The rules that depend on nothing. false: no memory. */
bool nft_paths(struct nft_rules *rules);
