/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * dump: the text of Android 9's "dumpsys netd trafficcontroller". Two blanks a level, none in blank lines; framed by a
 * blank line before and after.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "format.h"

#define LEVEL1 "  "
#define LEVEL2 "    "
#define LEVEL3 "      "

static int print_sockets(struct tctl_maps *maps, enum tctl_pin pin)
{
    _cleanup_free_ struct tctl_socket_row *rows = NULL;
    size_t count = 0;
    int r = tctl_maps_read_sockets(maps, &rows, &count);

    (void)pin;
    for (size_t i = 0; i < count; i++)
        printf(LEVEL3 "cookie=%" PRIu64 " tag=0x%x uid=%u\n", rows[i].cookie, rows[i].tag, rows[i].uid);
    return r;
}

static int print_uid_values(struct tctl_maps *maps, enum tctl_pin pin)
{
    _cleanup_free_ struct tctl_uid_value_row *rows = NULL;
    size_t count = 0;
    int r = tctl_maps_read_uids(maps, pin, &rows, &count);

    for (size_t i = 0; i < count; i++)
        printf(LEVEL3 "%u %u\n", rows[i].uid, rows[i].value);
    return r;
}

static void print_name(const char *iface)
{
    _cleanup_free_ char *word = format_word(iface, SIZE_MAX);

    printf(" %s", !word ? "?" : *word ? word : "unknown");
}

static int print_names(struct tctl_maps *maps, enum tctl_pin pin)
{
    _cleanup_free_ struct tctl_name_row *rows = NULL;
    size_t count = 0;
    int r = tctl_maps_read_names(maps, &rows, &count);

    (void)pin;
    for (size_t i = 0; i < count; i++) {
        _cleanup_free_ char *word = format_word(rows[i].iface, SIZE_MAX);
        printf(LEVEL3 "ifaceIndex=%u ifaceName=%s\n", rows[i].iface_index, word ?: "?");
    }
    return r;
}

/* Who a row is about differs from map to map; what was counted stands behind it. */
static void print_row(enum tctl_pin pin, const struct tctl_stats_row *row)
{
    const struct tctl_counters *counters = &row->counters;

    printf(LEVEL3 "%u", pin == TCTL_PIN_APP_UID_STATS ? row->uid : row->iface_index);
    if (pin != TCTL_PIN_APP_UID_STATS)
        print_name(row->iface);
    if (pin == TCTL_PIN_UID_STATS || pin == TCTL_PIN_TAG_STATS)
        printf(" 0x%x %u %u", row->tag, row->uid, row->set);
    printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counters->rx_bytes, counters->rx_packets,
           counters->tx_bytes, counters->tx_packets);
}

static int print_stats(struct tctl_maps *maps, enum tctl_pin pin)
{
    _cleanup_free_ struct tctl_stats_row *rows = NULL;
    size_t count = 0;
    int r = tctl_maps_read_stats(maps, pin, &rows, &count);

    for (size_t i = 0; i < count; i++)
        print_row(pin, &rows[i]);
    return r;
}

#define UID_COLUMNS "uid rxBytes rxPackets txBytes txPackets"
#define DETAIL_COLUMNS "ifaceIndex ifaceName tag_hex uid_int cnt_set rxBytes rxPackets txBytes txPackets"
#define IFACE_COLUMNS "ifaceIndex ifaceName rxBytes rxPackets txBytes txPackets"

static const struct map {
    const char *name; /* netd's */
    enum tctl_pin pin;
    int (*print)(struct tctl_maps *maps, enum tctl_pin pin);
    const char *colons;
    const char *columns; /* NULL: they have no titles */
} MAPS[] = {
    {"mCookieTagMap", TCTL_PIN_COOKIE_TAG, print_sockets, ":", NULL},
    {"mUidCounterSetMap", TCTL_PIN_UID_COUNTER_SET, print_uid_values, ":", NULL},
    {"mAppUidStatsMap", TCTL_PIN_APP_UID_STATS, print_stats, "::", UID_COLUMNS},
    {"mUidStatsMap", TCTL_PIN_UID_STATS, print_stats, ":", DETAIL_COLUMNS},
    {"mTagStatsMap", TCTL_PIN_TAG_STATS, print_stats, ":", DETAIL_COLUMNS},
    {"mIfaceIndexNameMap", TCTL_PIN_IFACE_INDEX_NAME, print_names, ":", NULL},
    {"mIfaceStatsMap", TCTL_PIN_IFACE_STATS, print_stats, "::", IFACE_COLUMNS},
    {"mDozableUidMap", TCTL_PIN_DOZABLE_UID, print_uid_values, ":", NULL},
    {"mStandbyUidMap", TCTL_PIN_STANDBY_UID, print_uid_values, ":", NULL},
    {"mPowerSaveUidMap", TCTL_PIN_POWERSAVE_UID, print_uid_values, ":", NULL},
};

static const struct program {
    const char *name; /* netd's */
    enum tctl_pin pin;
} PROGRAMS[] = {
    {"Cgroup ingress", TCTL_PIN_INGRESS_PROG},
    {"Cgroup egress", TCTL_PIN_EGRESS_PROG},
    {"xt_bpf ingress", TCTL_PIN_XT_INGRESS_PROG},
    {"xt_bpf egress", TCTL_PIN_XT_EGRESS_PROG},
};

/* Pinned, but not open to us, is what netd calls lost. */
static void print_map_status(const struct cli *cli, struct tctl_maps *maps, const struct map *map)
{
    int r = tctl_maps_check(maps, map->pin);

    printf(LEVEL2 "%s status: ", map->name);
    if (r == -ENOENT)
        printf("map not pinned to location: %s/%s\n", cli->bpffs, tctl_pin_name(map->pin));
    else
        puts(r < 0 ? "map fd lost" : "OK");
}

static void print_program_status(const struct cli *cli, struct tctl_maps *maps, const struct program *program)
{
    int r = tctl_maps_check(maps, program->pin);

    printf(LEVEL2 "%s program status: ", program->name);
    if (r == 0)
        puts("OK");
    else if (r == -ENOENT)
        printf("program is missing at: %s/%s\n", cli->bpffs, tctl_pin_name(program->pin));
    else
        printf("check Program %s/%s error: %s\n", cli->bpffs, tctl_pin_name(program->pin), strerror(-r));
}

static void print_statuses(const struct cli *cli, struct tctl_maps *maps)
{
    putchar('\n');
    for (size_t i = 0; i < ARRAY_SIZE(MAPS); i++)
        print_map_status(cli, maps, &MAPS[i]);
    putchar('\n');
    for (size_t i = 0; i < ARRAY_SIZE(PROGRAMS); i++)
        print_program_status(cli, maps, &PROGRAMS[i]);
}

static void print_contents(struct tctl_maps *maps)
{
    puts("\n" LEVEL2 "BPF map content:");
    for (size_t i = 0; i < ARRAY_SIZE(MAPS); i++) {
        const struct map *map = &MAPS[i];
        printf("\n" LEVEL3 "%s%s\n", map->name, map->colons);
        if (map->columns)
            printf(LEVEL3 "%s\n", map->columns);
        int r = map->print(maps, map->pin);
        if (r < 0)
            printf(LEVEL3 "%s print end with error: %s\n", map->name, strerror(-r));
    }
}

enum cli_status cmd_dump(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_maps_closep) struct tctl_maps *maps = NULL;

    (void)argc, (void)argv;
    if (cli_takes_no_json(cli) != CLI_DONE)
        return CLI_USAGE;
    int r = tctl_maps_open(cli->bpffs, &maps);
    if (r < 0 && r != -ENOENT)
        return cli_read_failed(cli, r);
    printf("\n" LEVEL1 "TrafficController\n" LEVEL2 "BPF module status: %s\n", maps ? "ON" : "OFF");
    if (maps)
        print_statuses(cli, maps);
    if (maps && !cli_given(cli, "--short"))
        print_contents(maps);
    putchar('\n');
    return maps ? CLI_DONE : cli_read_failed(cli, r);
}
