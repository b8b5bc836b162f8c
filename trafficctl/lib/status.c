/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <string.h>

#include "backend.h"
#include "effective.h"
#include "pins.h"
#include "ways.h"

_Static_assert(TCTL_STATUS_LOST == TCTL_COUNTED_MAPS, "one line each");
_Static_assert(TCTL_BACKEND_WHY_LEN == EFFECTIVE_LEN, "any reason fits");

static bool misses_places(const struct tctl_status *status)
{
    bool missing = false;
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        missing |= !status->places[i].counted;
    return missing && strcmp(status->netfilter, ways_name(TCTL_NETFILTER_OFF)) != 0;
}

static enum tctl_health health_of(const struct tctl_status *status)
{
    enum tctl_health health = status->daemon_pid && !misses_places(status) ? TCTL_OK : TCTL_DEGRADED;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        if (status->programs[i].attached)
            continue;
        if (i == TCTL_PROG_INGRESS || i == TCTL_PROG_EGRESS)
            return TCTL_DOWN;
        if (status->programs[i].wanted)
            health = TCTL_DEGRADED;
    }
    return health;
}

static void fill_state(const struct tctl_state *state, struct tctl_status *status)
{
    status->since_sec = state->since_sec;
    memcpy(status->boot_id, state->boot_id, sizeof(status->boot_id));
    status->boot_id[sizeof(status->boot_id) - 1] = '\0';
    for (size_t i = 0; i < TCTL_COUNTED_MAPS; i++) {
        status->lost[i].name = pins[i == TCTL_DROPS ? PIN_DROPS : pins_stats[i]].path;
        status->lost[i].packets = state->lost[i];
    }
    status->dropped_rx = state->dropped[0];
    status->dropped_tx = state->dropped[1];
    status->untold = state->untold;
}

int tctl_status(struct tctl *traffic, struct tctl_status *ret_status)
{
    struct tctl_state state = {0};
    struct tctl_status status = {0};
    int r = traffic->backend->state(traffic->reader, &state);
    if (r == 0)
        r = pins_lock_holder(traffic->place, PINS_RUNNING_DIR, &status.daemon_pid);
    if (r == 0)
        r = traffic->backend->status(traffic->reader, &state, &status);
    if (r < 0)
        return r;
    fill_state(&state, &status);
    status.health = health_of(&status);
    if (status.health == TCTL_OK && traffic->backend->partial)
        status.health = TCTL_DEGRADED;
    *ret_status = status;
    return 0;
}

/* A state without a reason, or with one that is too long, has none to tell. */
int tctl_backend(struct tctl *traffic, struct tctl_backend *ret_backend)
{
    struct tctl_state state = {0};
    struct tctl_backend backend = {.name = traffic->backend->name};
    int r = traffic->backend->state(traffic->reader, &state);
    if (r < 0)
        return r;
    effective_find(&state, EFFECTIVE_WHY, backend.why);
    if (traffic->backend->lacks)
        traffic->backend->lacks(&state, &backend);
    *ret_backend = backend;
    return 0;
}
