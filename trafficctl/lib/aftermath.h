/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the maps hold when neither a plan nor its undoing could be done to the end. */
#pragma once

#include "plan.h"

/* Add to what fault says, list by list, what holds now and did not before. */
void aftermath_tell(const struct plan *plan, const struct enforce *enforce, struct fault *fault);
