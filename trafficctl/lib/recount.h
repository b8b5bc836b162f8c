/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Charges counted anew, by what is in the maps. */
#pragma once

#include "tags.h"

/* As tags_recount(); the writers' lock is the caller's. */
int recount_run(const char *bpffs, const struct tags *tags);
