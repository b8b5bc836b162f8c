/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The compared programs on the control group of a world, without trafficd: what each costs by itself. */
#pragma once

#include <stdbool.h>

#include "burst.h"
#include "candidates.h"
#include "world.h"

#define ATTACHED_LINKS 5

struct attached {
    struct competitor competitor;
    int links[ATTACHED_LINKS]; /* -1 or open */
};
#define ATTACHED_NOTHING                                                                                               \
    {                                                                                                                  \
        .competitor = NO_COMPETITOR, .links = { -1, -1, -1, -1, -1 }                                                   \
    }

/*
 * Three chains on, which APP passes and most others do not. Ours with what else trafficd attaches: the last close,
 * connect(). Negative errno; what is there goes with attached_done(), for which ATTACHED_NOTHING is fine too.
 */
int attached_start(struct world *world, enum who who, struct attached *attached);
void attached_done(struct attached *attached);

/* A burst over loopback is seen by both programs, and counted under its tag by all but the empty ones. -ENODATA: no. */
int attached_check(const struct attached *attached, const struct burst_pair *loopback);

/* Picoseconds of one run of the program of a direction, while packets go over loopback. Negative errno. */
int64_t attached_time(const struct attached *attached, const struct burst_pair *loopback, bool out);
