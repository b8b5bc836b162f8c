/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dump_text.h"
#include "fd.h"

#define MAX_ROWS 20000

/* A row of any of the maps. */
struct row {
    uint64_t cookie;
    struct tctl_stats_key key;
    struct tctl_counters counters;
    struct tctl_tag tag;
    uint8_t byte;
    char name[TCTL_IFNAME_LEN + 1];
};

enum kind {
    SOCKETS,
    BYTES,
    TOTALS,
    DETAILS,
    NAMES,
    IFACES,
};

static const struct layout {
    const char *name, *title, *columns, *pin;
    enum kind kind;
    enum tctl_stats_map map;
    bool members; /* of read_group may read it */
} LAYOUT[] = {
    {"mCookieTagMap", "mCookieTagMap:", NULL, "traffic_cookie_tag_map", SOCKETS},
    {"mUidCounterSetMap", "mUidCounterSetMap:", NULL, "traffic_uid_counterSet_map", BYTES},
    {"mAppUidStatsMap", "mAppUidStatsMap::", "uid rxBytes rxPackets txBytes txPackets", "traffic_app_uid_stats_map",
     TOTALS, TCTL_APP_UID_STATS, true},
    {"mUidStatsMap",
     "mUidStatsMap:", "ifaceIndex ifaceName tag_hex uid_int cnt_set rxBytes rxPackets txBytes txPackets",
     "traffic_uid_stats_map", DETAILS, TCTL_UID_STATS, true},
    {"mTagStatsMap",
     "mTagStatsMap:", "ifaceIndex ifaceName tag_hex uid_int cnt_set rxBytes rxPackets txBytes txPackets",
     "traffic_tag_stats_map", DETAILS, TCTL_TAG_STATS, true},
    {"mIfaceIndexNameMap", "mIfaceIndexNameMap:", NULL, "traffic_iface_index_name_map", NAMES, 0, true},
    {"mIfaceStatsMap", "mIfaceStatsMap::", "ifaceIndex ifaceName rxBytes rxPackets txBytes txPackets",
     "traffic_iface_stats_map", IFACES, TCTL_IFACE_STATS, true},
    {"mDozableUidMap", "mDozableUidMap:", NULL, "traffic_dozable_uid_map", BYTES},
    {"mStandbyUidMap", "mStandbyUidMap:", NULL, "traffic_standby_uid_map", BYTES},
    {"mPowerSaveUidMap", "mPowerSaveUidMap:", NULL, "traffic_powersave_uid_map", BYTES},
};

static struct row rows[MAX_ROWS];
static size_t count;

static struct tctl_stats_key stats_key_of(enum kind kind, const void *key)
{
    struct tctl_stats_key whole = {0};

    if (kind == DETAILS)
        memcpy(&whole, key, sizeof(whole));
    else
        memcpy(kind == TOTALS ? &whole.uid : &whole.iface_index, key, sizeof(uint32_t));
    return whole;
}

static void add_counters(struct row *row, const struct tctl_stats_value *value)
{
    row->counters.rx_packets += value->rx_packets;
    row->counters.rx_bytes += value->rx_bytes;
    row->counters.tx_packets += value->tx_packets;
    row->counters.tx_bytes += value->tx_bytes;
}

static void add_value(struct row *row, const struct tctl_stats_value *values)
{
    int cpus = the_world->options.percpu ? libbpf_num_possible_cpus() : 1;

    for (int i = 0; i < cpus; i++)
        add_counters(row, &values[i]);
}

static void take_row(const struct layout *layout, const void *key, const void *value)
{
    struct row *row = &rows[count++];

    assert_true(count < MAX_ROWS);
    *row = (struct row){0};
    if (layout->kind == SOCKETS) {
        memcpy(&row->cookie, key, sizeof(row->cookie));
        memcpy(&row->tag, value, sizeof(row->tag));
    } else if (layout->kind == BYTES) {
        row->key = stats_key_of(TOTALS, key);
        row->byte = *(const uint8_t *)value;
    } else {
        row->key = stats_key_of(layout->kind, key);
        if (layout->kind == NAMES)
            memcpy(row->name, value, TCTL_IFNAME_LEN - 1);
        else
            add_value(row, value);
    }
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const uint64_t keys[][2] = {
        {x->cookie, y->cookie},   {x->key.iface_index, y->key.iface_index}, {x->key.uid, y->key.uid},
        {x->key.tag, y->key.tag}, {x->key.counter_set, y->key.counter_set},
    };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

/* A row of its own, or added to the one with its key. */
static void add_row(struct tctl_stats_key key, const struct tctl_stats_value *value)
{
    struct row row = {.key = key};
    size_t i = 0;

    while (i < count && compare(&rows[i], &row))
        i++;
    if (i == count)
        rows[count++] = row;
    add_counters(&rows[i], value);
}

/* What a program that interrupted another had counted elsewhere, where per-CPU counters are. */
static void add_spill(const struct layout *layout)
{
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/spill");
    struct tctl_stats_value values[256];
    struct tctl_spill_key key;

    for (void *at = NULL; bpf_map_get_next_key(map, at, &key) == 0; at = &key) {
        if (key.map != layout->map)
            continue;
        assert_int_equal(bpf_map_lookup_elem(map, &key, values), 0);
        add_row(layout->kind == DETAILS  ? key.key
                : layout->kind == TOTALS ? (struct tctl_stats_key){.uid = key.key.uid}
                                         : (struct tctl_stats_key){.iface_index = key.key.iface_index},
                values);
    }
}

/* What each CPU counts often, for the three maps at once. */
static void add_hot(const struct layout *layout)
{
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/hot");
    const uint32_t entries = (uint32_t)libbpf_num_possible_cpus() * TCTL_HOT_CHUNKS;
    struct tctl_hot hot;

    for (uint32_t entry = 0; entry < entries; entry++) {
        assert_int_equal(bpf_map_lookup_elem(map, &entry, &hot), 0);
        for (size_t i = 0; i < TCTL_HOT_CHUNK; i++) {
            struct tctl_stats_key key = hot.row[i].key;
            if (!(hot.row[i].used & TCTL_HOT_COUNTS) || (layout->map == TCTL_TAG_STATS && key.tag == 0))
                continue;
            if (layout->map == TCTL_UID_STATS)
                key.tag = 0;
            add_row(layout->map == TCTL_APP_UID_STATS ? (struct tctl_stats_key){.uid = key.uid} : key,
                    &hot.row[i].value);
        }
    }
}

static void read_rows(const struct layout *layout)
{
    _cleanup_fd_ int map = world_map(the_world, layout->pin);
    struct tctl_stats_value values[256];
    char key[32], next[32];

    assert_return_code(map, errno);
    count = 0;
    for (void *at = NULL; bpf_map_get_next_key(map, at, next) == 0; at = key) {
        memcpy(key, next, sizeof(key));
        assert_int_equal(bpf_map_lookup_elem(map, key, values), 0);
        take_row(layout, key, values);
    }
    if (the_world->options.percpu && layout->kind != SOCKETS && layout->kind != BYTES && layout->kind != NAMES)
        add_spill(layout);
    if (the_world->options.percpu && (layout->kind == TOTALS || layout->kind == DETAILS))
        add_hot(layout);
    qsort(rows, count, sizeof(*rows), compare);
}

/* The name as one word; "unknown" when the map has none. */
static const char *word_of(int names, uint32_t index)
{
    static char word[4 * TCTL_IFNAME_LEN];
    char name[TCTL_IFNAME_LEN + 1] = "";
    size_t length = 0;

    if (bpf_map_lookup_elem(names, &index, name) < 0 || !*name)
        return index >= TCTL_REMOVED_FIRST ? "removed" : "unknown";
    for (const char *c = name; *c && c < name + TCTL_IFNAME_LEN - 1; c++)
        length += (size_t)sprintf(word + length, *c > ' ' && *c < 0x7f ? "%c" : "\\x%02x", (unsigned char)*c);
    return word;
}

static void print_row(FILE *out, int names, enum kind kind, const struct row *row)
{
    const struct tctl_stats_key *key = &row->key;
    const char *name = kind == DETAILS || kind == NAMES || kind == IFACES ? word_of(names, key->iface_index) : "";

    if (kind == SOCKETS)
        fprintf(out, "      cookie=%" PRIu64 " tag=0x%x uid=%u\n", row->cookie, row->tag.tag, row->tag.uid);
    else if (kind == BYTES)
        fprintf(out, "      %u %u\n", key->uid, row->byte);
    else if (kind == NAMES)
        fprintf(out, "      ifaceIndex=%u ifaceName=%s\n", key->iface_index, name);
    else if (kind == TOTALS)
        fprintf(out, "      %u", key->uid);
    else if (kind == DETAILS)
        fprintf(out, "      %u %s 0x%x %u %u", key->iface_index, name, key->tag, key->uid, key->counter_set);
    else
        fprintf(out, "      %u %s", key->iface_index, name);
    if (kind == TOTALS || kind == DETAILS || kind == IFACES)
        fprintf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", row->counters.rx_bytes,
                row->counters.rx_packets, row->counters.tx_bytes, row->counters.tx_packets);
}

static bool is_missing(const struct dump_case *dump_case, const char *pin)
{
    return dump_case->missing && strcmp(pin, dump_case->missing) == 0;
}

static void print_content(FILE *out, const struct dump_case *dump_case, const struct layout *layout)
{
    static const char map[] = "traffic_iface_index_name_map";
    _cleanup_fd_ int names = is_missing(dump_case, map) ? -1 : world_map(the_world, map);

    fprintf(out, "\n      %s\n", layout->title);
    if (layout->columns)
        fprintf(out, "      %s\n", layout->columns);
    if (is_missing(dump_case, layout->pin)) {
        fprintf(out, "      %s print end with error: No such file or directory\n", layout->name);
    } else if (dump_case->member && !layout->members) {
        fprintf(out, "      %s print end with error: Permission denied\n", layout->name);
    } else {
        read_rows(layout);
        for (size_t i = 0; i < count; i++)
            print_row(out, names, layout->kind, &rows[i]);
    }
}

static void print_program(FILE *out, const struct dump_case *dump_case, const char *name, const char *pin)
{
    fprintf(out, "    %s program status: ", name);
    if (is_missing(dump_case, pin))
        fprintf(out, "program is missing at: %s/%s\n", the_world->bpffs, pin);
    else if (dump_case->member)
        fprintf(out, "check Program %s/%s error: Permission denied\n", the_world->bpffs, pin);
    else
        fputs("OK\n", out);
}

char *dump_expected(const struct dump_case *dump_case)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    fputs("\n  TrafficController\n    BPF module status: ON\n\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(LAYOUT); i++) {
        fprintf(out, "    %s status: ", LAYOUT[i].name);
        if (is_missing(dump_case, LAYOUT[i].pin))
            fprintf(out, "map not pinned to location: %s/%s\n", the_world->bpffs, LAYOUT[i].pin);
        else
            fputs(dump_case->member && !LAYOUT[i].members ? "map fd lost\n" : "OK\n", out);
    }
    fputs("\n", out);
    print_program(out, dump_case, "Cgroup ingress", "ingress_prog");
    print_program(out, dump_case, "Cgroup egress", "egress_prog");
    print_program(out, dump_case, "xt_bpf ingress", "xt_bpf_ingress_prog");
    print_program(out, dump_case, "xt_bpf egress", "xt_bpf_egress_prog");
    if (!dump_case->brief)
        fputs("\n    BPF map content:\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(LAYOUT) && !dump_case->brief; i++)
        print_content(out, dump_case, &LAYOUT[i]);
    fputs("\n", out);
    assert_int_equal(fclose(out), 0);
    return text;
}

void assert_same_text(const char *text, const char *expected)
{
    for (size_t line = 1;; line++) {
        size_t length = strcspn(text, "\n"), wanted = strcspn(expected, "\n");
        if (length != wanted || memcmp(text, expected, length) || text[length] != expected[wanted])
            fail_msg("line %zu is '%.*s', not '%.*s'", line, (int)length, text, (int)wanted, expected);
        if (!text[length])
            return;
        text += length + 1;
        expected += wanted + 1;
    }
}
