/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "users.h"

#include <errno.h>
#include <stdlib.h>

#include "counters.h"
#include "rate.h"

#define SECOND_NS 1000000000

/* From one reading to the next. */
struct step {
    uint64_t elapsed_ns; /* 0: there is no rate yet */
    bool blocked;        /* what was dropped is known before and after */
    unsigned int newest, seconds;
};

void users_done(struct users *users)
{
    for (size_t i = 0; i < users->count; i++)
        free(users->rows[i]);
    free(users->rows);
    *users = (struct users){.names = users->names};
}

uint64_t users_bytes(const struct tctl_counters *counters)
{
    return counters_plus(counters->rx_bytes, counters->tx_bytes);
}

const char *users_name(const struct users *users, struct row *row)
{
    row->user = user_names_of(users->names, row->uid);
    return row->user;
}

void users_find_names(const struct users *users)
{
    for (size_t i = 0; i < users->count; i++)
        users_name(users, users->rows[i]);
}

static struct step step_to(const struct users *users, const struct reading *reading)
{
    struct step step = {.newest = users->newest};

    if (!users->ns || reading->ns <= users->ns)
        return step;
    step.elapsed_ns = reading->ns - users->ns;
    uint64_t seconds = (step.elapsed_ns + SECOND_NS / 2) / SECOND_NS;
    step.seconds = seconds < 1 ? 1 : seconds > USERS_SECONDS ? USERS_SECONDS : (unsigned int)seconds;
    step.blocked = users->has_blocked && reading->has_blocked;
    return step;
}

static void remember(struct row *row, const struct step *step)
{
    for (unsigned int i = 1; i <= step->seconds; i++)
        row->seconds[(step->newest + i) % USERS_SECONDS] = (float)users_bytes(&row->rate);
}

static struct row *row_counts(struct row *row, const struct reading_row *now, const struct step *step)
{
    static const struct tctl_counters NOTHING = {0};

    row->rate = NOTHING;
    row->blocked_rate = 0;
    if (step->elapsed_ns)
        row->rate = rate_of(row->gone ? &NOTHING : &row->total, &now->counters, step->elapsed_ns);
    if (step->blocked)
        row->blocked_rate = rate_per_second(row->gone ? 0 : row->blocked, now->blocked, step->elapsed_ns);
    row->total = now->counters;
    row->blocked = now->blocked;
    row->gone = 0;
    remember(row, step);
    return row;
}

/* NULL: it has been gone for long enough. */
static struct row *row_fades(struct row *row, const struct step *step)
{
    row->rate = (struct tctl_counters){0};
    row->blocked_rate = 0;
    remember(row, step);
    if (++row->gone <= USERS_GONE)
        return row;
    free(row);
    return NULL;
}

static struct row *row_new(uint32_t uid)
{
    struct row *row = calloc(1, sizeof(*row));

    if (row)
        row->uid = uid;
    return row;
}

/* Rows that were there, as far as old, and rows that will be. */
struct merging {
    const struct users *users;
    const struct step *step;
    size_t old;
    struct row **rows; /* has room for all */
    size_t count;
};

static void keep(struct merging *merging, struct row *row)
{
    if (row)
        merging->rows[merging->count++] = row;
}

/* UINT64_MAX is above all of them. */
static void fade_below(struct merging *merging, uint64_t uid)
{
    const struct users *users = merging->users;

    for (; merging->old < users->count && users->rows[merging->old]->uid < uid; merging->old++)
        keep(merging, row_fades(users->rows[merging->old], merging->step));
}

static void take(struct merging *merging, const struct reading_row *now)
{
    const struct users *users = merging->users;
    bool known = merging->old < users->count && users->rows[merging->old]->uid == now->uid;
    struct row *row = known ? users->rows[merging->old++] : row_new(now->uid);

    keep(merging, row ? row_counts(row, now, merging->step) : NULL);
}

static void sum_up(struct users *users)
{
    users->rate = (struct tctl_counters){0};
    users->blocked_rate = 0;
    for (size_t i = 0; i < users->count; i++) {
        counters_add(&users->rate, &users->rows[i]->rate);
        users->blocked_rate = counters_plus(users->blocked_rate, users->rows[i]->blocked_rate);
    }
}

static void note_step(struct users *users, const struct step *step, const struct reading *reading)
{
    users->newest = (step->newest + step->seconds) % USERS_SECONDS;
    users->has_rates = step->elapsed_ns;
    users->has_blocked = reading->has_blocked;
    users->ns = reading->ns;
}

int users_update(struct users *users, const struct reading *reading)
{
    struct step step = step_to(users, reading);
    struct merging merging = {.users = users, .step = &step};

    merging.rows = calloc(users->count + reading->count + 1, sizeof(struct row *));
    if (!merging.rows)
        return -ENOMEM;
    for (size_t i = 0; i < reading->count; i++) {
        fade_below(&merging, reading->rows[i].uid);
        take(&merging, &reading->rows[i]);
    }
    fade_below(&merging, UINT64_MAX);
    free(users->rows);
    users->rows = merging.rows;
    users->count = merging.count;
    note_step(users, &step, reading);
    sum_up(users);
    return 0;
}

void users_miss(struct users *users)
{
    users->has_rates = false;
    for (size_t i = 0; i < users->count; i++) {
        users->rows[i]->rate = (struct tctl_counters){0};
        users->rows[i]->blocked_rate = 0;
    }
    sum_up(users);
}
