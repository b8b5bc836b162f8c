/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs that ask what netd asks, loaded and filled. */
#pragma once

#include "candidates.h"

/* As competitor_load(), of NETD_9 or NETD_15. */
int netd_candidate_load(const struct candidate *how, struct competitor *competitor);
