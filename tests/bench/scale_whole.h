/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The whole way of a packet where many UIDs send in turn, beside nothing at all and beside nft. */
#pragma once

#include "scale_state.h"

/* Not 0: something could not be measured, which is said. */
int scale_whole_compare(struct scale *scale);
