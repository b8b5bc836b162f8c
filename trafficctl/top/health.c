/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"

__attribute__((format(printf, 2, 3))) static void say(struct health *health, const char *format, ...)
{
    size_t used = strlen(health->text);
    va_list args;

    va_start(args, format);
    vsnprintf(health->text + used, sizeof(health->text) - used, format, args);
    va_end(args);
}

static void say_reasons(const struct tctl_status *status, struct health *health)
{
    if (!status->daemon_pid)
        say(health, ": trafficd is not running");
    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        if (status->programs[i].wanted && !status->programs[i].attached)
            say(health, ": %s is not attached", status->programs[i].name);
    for (size_t i = 0; status->netfilter && strcmp(status->netfilter, "off") && i < TCTL_STATUS_PLACES; i++)
        if (!status->places[i].counted)
            say(health, ": %s is not counted", status->places[i].name);
}

void health_judge(const struct tctl_status *status, const struct tctl_backend *backend, struct health *ret_health)
{
    struct health health = {.level = status->health};
    uint64_t lost = 0;

    say(&health, health.level == TCTL_OK ? "ok" : health.level == TCTL_DOWN ? "DOWN" : "DEGRADED");
    for (size_t i = 0; i < TCTL_STATUS_LOST; i++)
        lost = counters_plus(lost, status->lost[i].packets);
    if (lost)
        say(&health, ", LOST %" PRIu64 " packets", lost);
    if (health.level != TCTL_OK)
        say_reasons(status, &health);
    if (backend->lack_count)
        say(&health, ": %s cannot all of it", backend->name);
    if (lost && health.level == TCTL_OK)
        health.level = TCTL_DEGRADED;
    *ret_health = health;
}

void health_unknown(int err, const char *bpffs, struct health *ret_health)
{
    struct health health = {.level = TCTL_DOWN};

    say(&health, err == -ENOENT ? "NOTHING COUNTS: no pins in %s" : "CANNOT READ %s", bpffs);
    if (err != -ENOENT)
        say(&health, ": %s", strerror(-err));
    *ret_health = health;
}
