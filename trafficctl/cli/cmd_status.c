/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* status */
#include <inttypes.h>
#include <loader.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "differs.h"
#include "format.h"
#include "lacking.h"
#include "print.h"

static const char *const STATES[] = {
    [TCTL_OK] = "ok",
    [TCTL_DEGRADED] = "degraded",
    [TCTL_DOWN] = "down",
};

static json_t *programs_json(const struct tctl_status *now)
{
    json_t *array = json_array();

    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        array = print_json_append(
            array, json_pack("{s:s, s:b}", "name", now->programs[i].name, "attached", now->programs[i].attached));
    return array;
}

/* Sizes of a map that this user may not open are null. */
static json_t *maps_json(const struct tctl_status *now)
{
    json_t *array = json_array();

    for (size_t i = 0; i < TCTL_STATUS_MAPS; i++) {
        bool readable = now->maps[i].readable;
        array = print_json_append(array,
                                  json_pack("{s:s, s:o, s:o}", "name", now->maps[i].name, "entries",
                                            readable ? json_integer(now->maps[i].entries) : json_null(), "max_entries",
                                            readable ? json_integer(now->maps[i].max_entries) : json_null()));
    }
    return array;
}

static json_t *lost_json(const struct tctl_status *now)
{
    json_t *object = json_object();

    for (size_t i = 0; i < TCTL_STATUS_LOST; i++)
        json_object_set_new(object, now->lost[i].name, json_integer(format_saturated(now->lost[i].packets)));
    return object;
}

static json_t *chains_json(const struct tctl_status *now)
{
    json_t *array = json_array();

    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++)
        array = print_json_append(
            array, json_pack("{s:s, s:b}", "name", now->chains[i].name, "enabled", now->chains[i].enabled));
    return array;
}

static json_t *daemon_json(const struct tctl_status *now)
{
    return json_pack("{s:b, s:o}", "running", now->daemon_pid != 0, "pid",
                     now->daemon_pid ? json_integer(now->daemon_pid) : json_null());
}

static json_t *dropped_json(const struct tctl_status *now)
{
    return json_pack("{s:I, s:I, s:I}", "rx_packets", format_saturated(now->dropped_rx), "tx_packets",
                     format_saturated(now->dropped_tx), "untold", format_saturated(now->untold));
}

static json_t *netfilter_json(const struct tctl_status *now)
{
    json_t *array = json_array();

    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        array = print_json_append(
            array, json_pack("{s:s, s:b}", "name", now->places[i].name, "counted", now->places[i].counted));
    return json_pack("{s:s, s:o, s:I}", "way", now->netfilter, "places", array, "malformed",
                     format_saturated(now->malformed));
}

static enum cli_status print_status_json(const struct tctl_status *now, const struct tctl_backend *backend,
                                         const struct differs *differs)
{
    return print_json_document(
        json_pack("{s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "state", STATES[now->health],
                  "backend", lacking_json(backend), "daemon", daemon_json(now), "since", (json_int_t)now->since_sec,
                  "boot_id", print_json_text(now->boot_id), "programs", programs_json(now), "maps", maps_json(now),
                  "lost", lost_json(now), "chains", chains_json(now), "dropped", dropped_json(now), "netfilter",
                  netfilter_json(now), "differs", differs_json(differs)));
}

static void print_state(const struct cli *cli, const struct tctl_status *now)
{
    static const enum print_colour COLOURS[] = {
        [TCTL_OK] = PRINT_GOOD, [TCTL_DEGRADED] = PRINT_DOUBTFUL, [TCTL_DOWN] = PRINT_BAD};

    fputs("state: ", stdout);
    print_coloured(cli, COLOURS[now->health], STATES[now->health]);
    putchar('\n');
}

static void print_summary(const struct cli *cli, const struct tctl_status *now, const struct tctl_backend *backend)
{
    _cleanup_free_ char *boot = format_utf8(now->boot_id);
    char since[FORMAT_LEN], seen[FORMAT_LEN];

    format_time(now->since_sec, since);
    format_time(now->seen_sec, seen);
    print_state(cli, now);
    fputs("backend: ", stdout);
    lacking_print_name(backend);
    if (now->daemon_pid)
        printf("trafficd: running, pid %d\n", now->daemon_pid);
    else
        printf("trafficd: not running\n");
    printf("counting since: %s\n", since);
    printf("boot: %s\n", boot ?: "?");
    printf("programs as of: %s\n\n", now->seen_sec ? seen : "never looked at");
}

static enum cli_status print_programs(const struct cli *cli, const struct tctl_status *now)
{
    struct table table = {0};

    table_column(&table, "PROGRAM", false);
    table_column(&table, "ATTACHED", false);
    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++) {
        table_add(&table, "%s", now->programs[i].name);
        table_add(&table, "%s",
                  now->programs[i].attached ? "yes"
                  : now->programs[i].wanted ? "NO"
                                            : "not on this kernel");
    }
    return print_table(cli, &table);
}

static enum cli_status print_maps(const struct cli *cli, const struct tctl_status *now)
{
    struct table table = {0};

    table_column(&table, "MAP", false);
    table_column(&table, "ENTRIES", true);
    table_column(&table, "MAX_ENTRIES", true);
    for (size_t i = 0; i < TCTL_STATUS_MAPS; i++) {
        table_add(&table, "%s", now->maps[i].name);
        if (now->maps[i].readable) {
            table_add(&table, "%u", now->maps[i].entries);
            table_add(&table, "%u", now->maps[i].max_entries);
        } else {
            table_add(&table, "-");
            table_add(&table, "-");
        }
    }
    return print_table(cli, &table);
}

static enum cli_status print_lost(const struct cli *cli, const struct tctl_status *now)
{
    struct table table = {0};

    table_column(&table, "NOT RECORDED IN", false);
    table_column(&table, "PACKETS", true);
    for (size_t i = 0; i < TCTL_STATUS_LOST; i++) {
        table_add(&table, "%s", now->lost[i].name);
        table_add(&table, "%" PRIu64, now->lost[i].packets);
    }
    return print_table(cli, &table);
}

static void print_firewall(const struct tctl_status *now)
{
    unsigned int on = 0;

    printf("chains that are on: ");
    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++)
        if (now->chains[i].enabled)
            printf("%s%s", on++ ? ", " : "", now->chains[i].name);
    printf("%s (%u of %u)\n", on ? "" : "none", on, TCTL_STATUS_CHAINS);
    printf("dropped: %" PRIu64 " packets coming in, %" PRIu64 " going out\n", now->dropped_rx, now->dropped_tx);
}

static void print_interfaces(const struct tctl_status *now)
{
    printf("interfaces counted: ");
    if (!strcmp(now->netfilter, "off")) {
        puts("no (netfilter off)");
        return;
    }
    printf("by netfilter %s", now->netfilter);
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        if (!now->places[i].counted)
            printf(", NOT at %s", now->places[i].name);
    putchar('\n');
    if (now->malformed)
        printf("malformed netlink messages ignored: %" PRIu64 "\n", now->malformed);
}

static enum cli_status print_status(const struct cli *cli, const struct tctl_status *now,
                                    const struct tctl_backend *backend, const struct differs *differs)
{
    static enum cli_status (*const TABLES[])(const struct cli *, const struct tctl_status *) = {print_programs,
                                                                                                print_maps, print_lost};

    print_summary(cli, now, backend);
    for (size_t i = 0; i < ARRAY_SIZE(TABLES); i++) {
        enum cli_status status = TABLES[i](cli, now);
        if (status != CLI_DONE)
            return status;
        putchar('\n');
    }
    print_firewall(now);
    print_interfaces(now);
    enum cli_status status = lacking_print(cli, backend);
    return status == CLI_DONE ? differs_print(cli, differs) : status;
}

/* Root is told what is there now, others what trafficd last saw. */
static void look_at_places(const struct cli *cli, struct tctl_status *now)
{
    uint32_t hooked;

    if (loader_look_interfaces(cli->bpffs, &hooked) < 0)
        return;
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        now->places[i].counted = hooked >> i & 1;
}

enum cli_status cmd_status(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_(differs_done) struct differs differs = {0};
    struct tctl_status now;
    struct tctl_backend backend;
    enum cli_status status = cli_open(cli, &traffic);

    (void)argc;
    (void)argv;
    if (status != CLI_DONE)
        return status;
    int r = tctl_status(traffic, &now);
    if (r == 0)
        r = tctl_backend(traffic, &backend);
    if (r < 0)
        return cli_read_failed(cli, r);
    look_at_places(cli, &now);
    status = differs_find(cli, &differs);
    if (status == CLI_DONE)
        status = differs_add_places(&differs, &now);
    if (status != CLI_DONE)
        return status;
    if (differs.count && now.health == TCTL_OK)
        now.health = TCTL_DEGRADED;
    status = cli->json ? print_status_json(&now, &backend, &differs) : print_status(cli, &now, &backend, &differs);
    if (status != CLI_DONE)
        return status;
    return now.health == TCTL_OK ? CLI_DONE : CLI_DEGRADED;
}
