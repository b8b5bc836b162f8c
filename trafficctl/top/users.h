/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Users over time: what one reading after another makes of their rates and of their last minute. */
#pragma once

#include "reading.h"
#include "user_names.h"

#define USERS_SECONDS 60
/* Readings that a user who has no counters any more stays to be seen. */
#define USERS_GONE 5

struct row {
    uint32_t uid;
    struct tctl_counters total, rate;
    uint64_t blocked, blocked_rate; /* packets */
    unsigned int gone;              /* readings since its counters were there; 0: they are */
    float seconds[USERS_SECONDS];   /* bytes both ways; a ring, see users.newest */
    const char *user;               /* in users.names; NULL: none, or not known yet */
};

/* Starts zeroed but for names; end with users_done(). */
struct users {
    struct user_names *names; /* borrowed */
    struct row **rows;        /* ascending by UID */
    size_t count;
    unsigned int newest; /* the last second's place in all rings */
    bool has_rates;      /* false: there was one reading at most */
    bool has_blocked;
    uint64_t ns; /* of the last reading */
    struct tctl_counters rate;
    uint64_t blocked_rate;
};

/*
 * Take the next reading. A user who was gone, or whose counters went down, began anew: all is new. -ENOMEM: users who
 * are new may be missing.
 */
int users_update(struct users *users, const struct reading *reading);

/* A reading failed: nobody knows the rates. The next one gives the mean since the last. */
void users_miss(struct users *users);

/* A user's name as user_names_of(); it is the row's from now on. */
const char *users_name(const struct users *users, struct row *row);

/* The same for all rows. */
void users_find_names(const struct users *users);

/* Bytes, both ways. */
uint64_t users_bytes(const struct tctl_counters *counters);

/* As they began: names stay. */
void users_done(struct users *users);
