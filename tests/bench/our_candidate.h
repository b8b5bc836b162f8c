/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Our programs, loaded in several ways and filled. */
#pragma once

#include "candidates.h"

/* As competitor_load(), of SHARED and those after it. */
int our_candidate_load(const struct candidate *how, struct competitor *competitor);
