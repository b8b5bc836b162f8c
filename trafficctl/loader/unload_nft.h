/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a start with nf_tables left: taken away. */
#pragma once

#include "fault.h"

/*
 * Delete the table, and every file of ours below place but the folders. To be called with both locks. -EXDEV: the table
 * is in another network namespace (named), and nothing was done; errors of nft_table_remove(), -errno of unlink(2).
 */
int unload_nft(const char *place, struct fault *fault);
