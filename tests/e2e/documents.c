/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* stats uid, iface, detail and drops. */
#include "documents.h"

#include <inttypes.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "documents_kit.h"
#include "meter.h"

enum kind { UIDS, IFACES, DETAILS, DROPS, KINDS };

/* Which document, and of what. */
struct wanted {
    enum kind kind;
    const char *iface; /* NULL: of all */
    bool numeric;      /* no users' names */
};

static const struct {
    const char *words, *array;
} documents[KINDS] = {
    [UIDS] = {"stats uid", "uids"},
    [IFACES] = {"stats iface", "interfaces"},
    [DETAILS] = {"stats detail", "entries"},
    [DROPS] = {"stats drops", "drops"},
};

/* A row of any of them: what a document does not name is 0. */
struct row {
    char iface[TCTL_IFNAME_LEN];
    uint32_t uid, tag, set, reason;
    struct tctl_stats_value sum;
};

struct rows {
    struct row *rows;
    size_t count;
};

static void rows_done(struct rows *rows)
{
    free(rows->rows);
}

/* More zeroed rows at the end. */
static struct row *rows_more(struct rows *rows, size_t more)
{
    struct row *first;

    rows->rows = reallocarray(rows->rows, rows->count + more + 1, sizeof(*rows->rows));
    assert_non_null(rows->rows);
    first = rows->rows + rows->count;
    memset(first, 0, more * sizeof(*first));
    rows->count += more;
    return first;
}

/* Keys of maps name less than those of others, and the rest of a spilt packet's key says nothing. */
static void take_key(enum tctl_stats_map map, const struct tctl_stats_key *key, const struct dump *names,
                     struct row *row)
{
    if (map != TCTL_APP_UID_STATS)
        iface_of(names, key->iface_index, row->iface);
    if (map != TCTL_IFACE_STATS)
        row->uid = key->uid;
    if (map == TCTL_UID_STATS || map == TCTL_TAG_STATS) {
        row->tag = key->tag;
        row->set = key->counter_set;
    }
}

static void take_map(const char *pin, enum tctl_stats_map map, const struct dump *names, struct rows *rows)
{
    _cleanup_(dump_done) struct dump dump = dump_of(pin);
    struct row *row = rows_more(rows, dump.rows);

    for (size_t i = 0; i < dump.rows; i++, row++) {
        struct tctl_stats_key key = {0};
        if (map == TCTL_APP_UID_STATS)
            memcpy(&key.uid, dump_key(&dump, i), sizeof(key.uid));
        else if (map == TCTL_IFACE_STATS)
            memcpy(&key.iface_index, dump_key(&dump, i), sizeof(key.iface_index));
        else
            memcpy(&key, dump_key(&dump, i), sizeof(key));
        take_key(map, &key, names, row);
        add_cpus(&dump, i, &row->sum);
    }
}

/* What was counted beside a row that another program was writing. Only with percpu. */
static void take_spill(enum tctl_stats_map map, const struct dump *names, struct rows *rows)
{
    _cleanup_(dump_done) struct dump dump = dump_of(TCTL_DIR "/spill");

    for (size_t i = 0; i < dump.rows; i++) {
        struct tctl_spill_key key;
        memcpy(&key, dump_key(&dump, i), sizeof(key));
        if (key.map != map)
            continue;
        struct row *row = rows_more(rows, 1);
        take_key(map, &key.key, names, row);
        add_cpus(&dump, i, &row->sum);
    }
}

/* What CPUs count often is counted for all three maps of UIDs at once. Only with percpu. */
static void take_hot(enum tctl_stats_map map, const struct dump *names, struct rows *rows)
{
    _cleanup_(dump_done) struct dump dump = dump_of(TCTL_DIR "/hot");
    struct tctl_hot_row hot;

    for (size_t n = 0; dump_hot_row(&dump, n, &hot); n++) {
        if (map == TCTL_TAG_STATS && hot.key.tag == 0)
            continue;
        if (map == TCTL_UID_STATS)
            hot.key.tag = 0;
        struct row *row = rows_more(rows, 1);
        take_key(map, &hot.key, names, row);
        row->sum = hot.value;
    }
}

static void take_drops(struct rows *rows)
{
    _cleanup_(dump_done) struct dump dump = dump_of(TCTL_DIR "/drops");
    struct row *row = rows_more(rows, dump.rows);

    for (size_t i = 0; i < dump.rows; i++, row++) {
        struct tctl_drop_key key;
        struct tctl_drop value;
        memcpy(&key, dump_key(&dump, i), sizeof(key));
        memcpy(&value, dump_value(&dump, i, 0), sizeof(value));
        *row = (struct row){.uid = key.uid, .reason = key.reason, .sum = value.dropped};
    }
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = strcmp(x->iface, y->iface);

    return order ?: compare_uids(&x->uid, &y->uid) ?: compare_uids(&x->tag, &y->tag) ?: compare_uids(&x->set, &y->set)
                 ?: compare_uids(&x->reason, &y->reason);
}

static void sort_and_merge(struct rows *rows)
{
    size_t made = 0;

    if (rows->count)
        qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
    for (size_t i = 0; i < rows->count; i++) {
        if (made && compare_rows(&rows->rows[made - 1], &rows->rows[i]) == 0)
            add_value(&rows->rows[made - 1].sum, &rows->rows[i].sum);
        else
            rows->rows[made++] = rows->rows[i];
    }
    rows->count = made;
}

static void take_stats(enum tctl_stats_map map, const struct dump *names, struct rows *rows)
{
    static const char *const pins[TCTL_STATS_MAPS] = {"traffic_app_uid_stats_map", "traffic_uid_stats_map",
                                                      "traffic_tag_stats_map", "traffic_iface_stats_map"};

    take_map(pins[map], map, names, rows);
    if (the_world->options.percpu)
        take_spill(map, names, rows);
    if (the_world->options.percpu && map != TCTL_IFACE_STATS)
        take_hot(map, names, rows);
}

static void keep_only(struct rows *rows, const char *iface)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->rows[i].iface, iface) == 0)
            rows->rows[kept++] = rows->rows[i];
    rows->count = kept;
}

/* All rows that are wanted, in their order. */
static struct rows rows_of(const struct wanted *wanted)
{
    _cleanup_(dump_done) struct dump names = dump_of("traffic_iface_index_name_map");
    struct rows rows = {0};

    if (wanted->kind == UIDS)
        take_stats(TCTL_APP_UID_STATS, &names, &rows);
    if (wanted->kind == IFACES)
        take_stats(TCTL_IFACE_STATS, &names, &rows);
    if (wanted->kind == DETAILS)
        take_stats(TCTL_UID_STATS, &names, &rows);
    if (wanted->kind == DETAILS)
        take_stats(TCTL_TAG_STATS, &names, &rows);
    if (wanted->kind == DROPS)
        take_drops(&rows);
    sort_and_merge(&rows);
    if (wanted->iface)
        keep_only(&rows, wanted->iface);
    return rows;
}

/* All users by their UID as a text, read once: asked for one by one they are looked for in a file each time. */
static json_t *read_users(void)
{
    json_t *users = json_object();
    const struct passwd *user;
    char uid[16];

    setpwent();
    while ((user = getpwent())) {
        snprintf(uid, sizeof(uid), "%u", user->pw_uid);
        if (!json_object_get(users, uid)) /* the first counts */
            json_object_set_new(users, uid, json_string(user->pw_name));
    }
    endpwent();
    return users;
}

/* NULL: none of this UID, or nobody wants to know. */
static const char *user_of(const struct wanted *wanted, uint32_t uid)
{
    static json_t *users;
    char text[16];

    users = users ?: read_users();
    snprintf(text, sizeof(text), "%u", uid);
    return wanted->numeric ? NULL : json_string_value(json_object_get(users, text));
}

static json_t *row_json(const struct wanted *wanted, const struct row *row)
{
    const enum kind kind = wanted->kind;
    json_t *json = json_pack("{s:I, s:I, s:I, s:I}", "rx_bytes", saturated(row->sum.rx_bytes), "rx_packets",
                             saturated(row->sum.rx_packets), "tx_bytes", saturated(row->sum.tx_bytes), "tx_packets",
                             saturated(row->sum.tx_packets));

    if (kind == IFACES || kind == DETAILS)
        json_object_set_new(json, "iface", json_string(shown(row->iface)));
    if (kind != IFACES)
        json_object_set_new(json, "uid", json_integer(row->uid));
    if (kind == UIDS || kind == DROPS)
        json_object_set_new(json, "user", json_pack("s?", user_of(wanted, row->uid)));
    if (kind == DETAILS) {
        json_object_set_new(json, "tag", json_integer(row->tag));
        json_object_set_new(json, "set", json_integer(row->set));
    }
    if (kind == DROPS)
        json_object_set_new(json, "reason", json_string(reason_names[row->reason]));
    return json;
}

static void print_header(FILE *out, const struct wanted *wanted)
{
    if (wanted->kind == IFACES || wanted->kind == DETAILS)
        fputs("IFACE ", out);
    if (wanted->kind != IFACES)
        fputs(wanted->numeric ? "UID " : "UID USER ", out);
    if (wanted->kind == DETAILS)
        fputs("TAG SET ", out);
    if (wanted->kind == DROPS)
        fputs("REASON ", out);
    fputs("RX_BYTES RX_PACKETS TX_BYTES TX_PACKETS\n", out);
}

/* As where no terminal is: sizes are exact. */
static void print_row(FILE *out, const struct wanted *wanted, const struct row *row)
{
    if (wanted->kind == IFACES || wanted->kind == DETAILS)
        fprintf(out, "%s ", shown(row->iface));
    if (wanted->kind != IFACES)
        fprintf(out, "%u ", row->uid);
    if (wanted->kind != IFACES && !wanted->numeric)
        fprintf(out, "%s ", user_of(wanted, row->uid) ?: "-");
    if (wanted->kind == DETAILS)
        fprintf(out, "0x%x %u ", row->tag, row->set);
    if (wanted->kind == DROPS)
        fprintf(out, "%s ", reason_names[row->reason]);
    fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (uint64_t)row->sum.rx_bytes,
            (uint64_t)row->sum.rx_packets, (uint64_t)row->sum.tx_bytes, (uint64_t)row->sum.tx_packets);
}

static struct expected stats_now(const void *context)
{
    const struct wanted *wanted = context;
    _cleanup_(rows_done) struct rows rows = rows_of(wanted);
    struct expected expected = {0};
    json_t *array = json_array();
    size_t length;
    FILE *out = open_memstream(&expected.text, &length);

    assert_non_null(out);
    print_header(out, wanted);
    for (size_t i = 0; i < rows.count; i++) {
        json_array_append_new(array, row_json(wanted, &rows.rows[i]));
        print_row(out, wanted, &rows.rows[i]);
    }
    assert_int_equal(fclose(out), 0);
    expected.json = json_pack("{s:o}", documents[wanted->kind].array, array);
    return expected;
}

static void wanted_agrees(const struct wanted *wanted)
{
    const char *option = wanted->numeric ? "--numeric" : "", *narrowed = wanted->kind == DETAILS ? "--iface " : "";
    char words[256];

    if (wanted->iface)
        snprintf(words, sizeof(words), "%s %s %s'%s'", option, documents[wanted->kind].words, narrowed, wanted->iface);
    else
        snprintf(words, sizeof(words), "%s %s", option, documents[wanted->kind].words);
    comes_to_agree(&(struct document){words, "", true, stats_now, wanted});
}

void stats_agree(bool numeric)
{
    for (enum kind kind = UIDS; kind < KINDS; kind++)
        wanted_agrees(&(struct wanted){.kind = kind, .numeric = numeric});
}

void stats_agree_on(const char *iface)
{
    wanted_agrees(&(struct wanted){.kind = IFACES, .iface = iface});
    wanted_agrees(&(struct wanted){.kind = DETAILS, .iface = iface});
}
