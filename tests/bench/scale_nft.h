/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a user of nft would write: one list of UIDs that pass, and a dynamic set that counts by UID; outgoing. */
#pragma once

#include <stdint.h>

#include "world.h"

/* In A. So many UIDs from first on, and 0, are listed. 0 or negative errno. */
int scale_nft_load(struct world *world, uint32_t first, unsigned uids);
void scale_nft_unload(struct world *world);

/* -ENODATA: it has counted nothing for the UID. */
int scale_nft_check(struct world *world, uint32_t uid);
