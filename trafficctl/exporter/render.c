/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define UID_LEN 11

static void render_state(const struct tctl_status *status, struct text *text)
{
    text_sample(text, FAMILY_DAEMON_RUNNING, NULL, 0, status->daemon_pid != 0);
    text_sample(text, FAMILY_START_TIME, NULL, 0, status->since_sec);
    if (status->seen_sec)
        text_sample(text, FAMILY_LAST_LOOK, NULL, 0, status->seen_sec);
}

/* What is not wanted, or nowhere, is left out: a 0 is always a fault. */
static void render_programs(const struct tctl_status *status, struct text *text)
{
    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        if (status->programs[i].wanted)
            text_labelled(text, FAMILY_PROGRAM_ATTACHED, status->programs[i].attached,
                          {"program", status->programs[i].name});
    for (size_t i = 0; i < TCTL_STATUS_PLACES && strcmp(status->netfilter, "off") != 0; i++)
        text_labelled(text, FAMILY_HOOK_ATTACHED, status->places[i].counted, {"hook", status->places[i].name});
}

/* Without one of these two no chain judges all packets; the others are conveniences. */
static bool judges_packets(const struct tctl_status *status)
{
    size_t missing = 0;

    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        missing += !status->programs[i].attached && (strcmp(status->programs[i].name, "ingress") == 0 ||
                                                     strcmp(status->programs[i].name, "egress") == 0);
    return !missing;
}

static void render_chains(const struct tctl_status *status, struct text *text)
{
    bool judged = judges_packets(status);

    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++)
        text_labelled(text, FAMILY_CHAIN_ENABLED, status->chains[i].enabled, {"chain", status->chains[i].name});
    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++)
        text_labelled(text, FAMILY_ENFORCING, status->chains[i].enabled && judged, {"chain", status->chains[i].name});
}

static void render_drops(const struct collected *collected, struct text *text)
{
    for (size_t i = 0; i < collected->drop_count; i++) {
        const struct collect_drop *drop = &collected->drops[i];
        text_labelled(text, FAMILY_DROPPED, drop->rx_packets, {"direction", "receive"}, {"reason", drop->reason});
        text_labelled(text, FAMILY_DROPPED, drop->tx_packets, {"direction", "transmit"}, {"reason", drop->reason});
    }
}

static void render_maps(const struct tctl_status *status, struct text *text)
{
    for (size_t i = 0; i < TCTL_STATUS_MAPS; i++)
        if (status->maps[i].readable)
            text_labelled(text, FAMILY_MAP_ENTRIES, status->maps[i].entries, {"map", status->maps[i].name});
    for (size_t i = 0; i < TCTL_STATUS_MAPS; i++)
        if (status->maps[i].readable)
            text_labelled(text, FAMILY_MAP_MAX_ENTRIES, status->maps[i].max_entries, {"map", status->maps[i].name});
    for (size_t i = 0; i < TCTL_STATUS_LOST; i++)
        text_labelled(text, FAMILY_MAP_LOST, status->lost[i].packets, {"map", status->lost[i].name});
}

/* As the families of four follow each other. */
#define COUNTERS 4
static uint64_t counter_of(const struct tctl_counters *counters, int number)
{
    const uint64_t values[COUNTERS] = {counters->rx_bytes, counters->rx_packets, counters->tx_bytes,
                                       counters->tx_packets};

    return values[number];
}

static void render_devices(const struct collect_rows *devices, struct text *text)
{
    for (int number = 0; number < COUNTERS; number++)
        for (size_t i = 0; i < devices->count; i++)
            text_labelled(text, FAMILY_INTERFACE_RX_BYTES + number, counter_of(&devices->rows[i].counters, number),
                          {"device", devices->rows[i].device});
}

static const char *uid_text(uint32_t uid, char text[static UID_LEN])
{
    snprintf(text, UID_LEN, "%" PRIu32, uid);
    return text;
}

static void render_names(const struct rendered *rendered, struct text *text)
{
    const struct series *series = rendered->series;
    const struct series_member *last = NULL;
    char uid[UID_LEN];

    for (size_t i = 0; i < series->member_count; i++) {
        const struct series_member *member = &series->members[i];
        if (member->other >= 0 || (last && last->row.uid == member->row.uid))
            continue;
        uid_text(member->row.uid, uid);
        text_labelled(text, FAMILY_UID_INFO, 1, {"uid", uid},
                      {"user", user_names_of(rendered->names, member->row.uid) ?: uid});
        last = member;
    }
    if (series->others.count)
        text_labelled(text, FAMILY_UID_INFO, 1, {"uid", SERIES_OTHER}, {"user", SERIES_OTHER});
}

static void render_users(const struct series *series, int number, struct text *text)
{
    enum family_id family = FAMILY_UID_RX_BYTES + number;
    char uid[UID_LEN];

    for (size_t i = 0; i < series->member_count; i++) {
        const struct collect_row *row = &series->members[i].row;
        if (series->members[i].other < 0)
            text_labelled(text, family, counter_of(&row->counters, number), {"uid", uid_text(row->uid, uid)},
                          {"device", row->device});
    }
    for (size_t i = 0; i < series->others.count; i++)
        text_labelled(text, family, counter_of(&series->others.rows[i].counters, number), {"uid", SERIES_OTHER},
                      {"device", series->others.rows[i].device});
}

static void render_readable(const struct rendered *rendered, struct text *text)
{
    const struct collected *collected = rendered->collected;

    text_labelled(text, FAMILY_BACKEND_INFO, 1, {"backend", collected->backend});
    render_state(&collected->status, text);
    render_programs(&collected->status, text);
    render_chains(&collected->status, text);
    render_drops(collected, text);
    render_maps(&collected->status, text);
    render_devices(&collected->devices, text);
    text_sample(text, FAMILY_COLLAPSED, NULL, 0, SERIES_OF_PAIR * rendered->series->collapsed);
    render_names(rendered, text);
    for (int number = 0; number < COUNTERS; number++)
        render_users(rendered->series, number, text);
}

void render(const struct rendered *rendered, struct text *text)
{
    text_labelled(text, FAMILY_BUILD_INFO, 1, {"version", TRAFFICCTL_VERSION});
    text_sample(text, FAMILY_MAPS_READABLE, NULL, 0, rendered->collected->error == 0);
    if (rendered->collected->error == 0)
        render_readable(rendered, text);
    text_end(text);
}
