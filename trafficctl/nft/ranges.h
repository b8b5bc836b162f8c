/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whom the firewall may judge, as ranges of real UIDs: a rule cannot take a UID modulo anything. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

/* More of them than this take seconds to load. */
#define NFT_MOST_RANGES 100000

/*
 * The ranges of app_uids, for each per_user_range of UIDs where that is not 0: ascending, none touches another. Owned
 * by the caller. -E2BIG: they are more than NFT_MOST_RANGES; -ENOMEM.
 */
int nft_ranges(const struct tctl_config *config, struct tctl_uid_range **ret_ranges, size_t *ret_count);
