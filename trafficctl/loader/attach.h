/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Programs at their hooks. */
#pragma once

#include <attached.h>

#include "job.h"

/*
 * Give the links that hang on the control group the loaded programs, make those that are missing, and pin programs and
 * links in the place of the old. Programs change one hook after the other and each at once: no packet goes by
 * uncounted.
 */
int attach_programs(struct job *job);

/*
 * Attach the program at this hook alone, by the link in job->found if it hangs on the control group, and pin the link
 * in the place of the old. Needs no skeleton.
 */
int attach_again(struct job *job, const struct attached_pins *hook, int program);

/* Every wanted program hangs on job's control group already, by a link that was found. */
bool attach_is_done(const struct job *job, uint32_t wanted);

/* A link that was found hangs on another control group than job's, which is still there. */
bool attach_is_elsewhere(const struct job *job);
