/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* stats uid, stats iface, stats detail, stats drops */
#include <string.h>

#include <trafficctl/firewall.h>

#include "cleanup.h"
#include "cmd.h"
#include "format.h"
#include "print.h"

static json_t *uid_json(const struct cli *cli, const struct tctl_uid_row *row)
{
    return print_json_counters(
        json_pack("{s:I, s:o}", "uid", (json_int_t)row->uid, "user", print_json_user(cli, row->uid)), &row->counters);
}

static enum cli_status print_uids(const struct cli *cli, const struct tctl_uid_row *rows, size_t count)
{
    struct table table = {0};

    if (cli->json) {
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++)
            array = print_json_append(array, uid_json(cli, &rows[i]));
        return print_json_document(json_pack("{s:o}", "uids", array));
    }
    print_user_columns(cli, &table);
    print_counter_columns(&table);
    for (size_t i = 0; i < count; i++) {
        print_user_cells(cli, &table, rows[i].uid);
        print_counter_cells(cli, &table, &rows[i].counters);
    }
    return print_table(cli, &table);
}

enum cli_status cmd_stats_uid(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_free_ struct tctl_uid_row *rows = NULL;
    struct tctl_uid_row one = {0};
    enum cli_status status = argc > 1 ? cli_uid("UID", argv[1], &one.uid) : CLI_DONE;
    size_t count = 0;
    int r;

    if (status == CLI_DONE)
        status = cli_open(cli, &traffic);
    if (status != CLI_DONE)
        return status;
    if (argc > 1)
        r = tctl_read_uid(traffic, one.uid, &one.counters);
    else
        r = tctl_read_uids(traffic, &rows, &count);
    if (r < 0)
        return cli_read_failed(cli, r);
    return argc > 1 ? print_uids(cli, &one, 1) : print_uids(cli, rows, count);
}

static json_t *iface_json(const struct tctl_iface_row *row)
{
    return print_json_counters(json_pack("{s:o}", "iface", print_json_text(row->iface)), &row->counters);
}

static void iface_cells(const struct cli *cli, struct table *table, const struct tctl_iface_row *row)
{
    _cleanup_free_ char *iface = format_utf8(row->iface);

    table_add(table, "%s", iface ?: "?");
    print_counter_cells(cli, table, &row->counters);
}

/* Rows of one name, or all: name NULL. */
static enum cli_status print_ifaces(const struct cli *cli, const char *name, const struct tctl_iface_row *rows,
                                    size_t count)
{
    json_t *array = cli->json ? json_array() : NULL;
    _cleanup_(table_done) struct table table = {0};

    table_column(&table, "IFACE", false);
    print_counter_columns(&table);
    for (size_t i = 0; i < count; i++) {
        if (name && strcmp(name, rows[i].iface))
            continue;
        if (!cli->json)
            iface_cells(cli, &table, &rows[i]);
        else
            array = print_json_append(array, iface_json(&rows[i]));
    }
    return cli->json ? print_json_document(json_pack("{s:o}", "interfaces", array)) : print_table(cli, &table);
}

enum cli_status cmd_stats_iface(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_free_ struct tctl_iface_row *rows = NULL;
    const char *name = argc > 1 ? argv[1] : NULL;
    enum cli_status status = name ? cli_iface(name) : CLI_DONE;
    size_t count = 0;

    if (status == CLI_DONE)
        status = cli_open(cli, &traffic);
    if (status != CLI_DONE)
        return status;
    int r = tctl_read_ifaces(traffic, &rows, &count);
    return r < 0 ? cli_read_failed(cli, r) : print_ifaces(cli, name, rows, count);
}

static json_t *detail_json(const struct tctl_detail_row *row)
{
    return print_json_counters(json_pack("{s:o, s:I, s:I, s:I}", "iface", print_json_text(row->iface), "uid",
                                         (json_int_t)row->uid, "tag", (json_int_t)row->tag, "set",
                                         (json_int_t)row->set),
                               &row->counters);
}

static void detail_cells(const struct cli *cli, struct table *table, const struct tctl_detail_row *row)
{
    _cleanup_free_ char *iface = format_utf8(row->iface);

    table_add(table, "%s", iface ?: "?");
    print_user_cells(cli, table, row->uid);
    table_add(table, "0x%x", row->tag);
    table_add(table, "%u", row->set);
    print_counter_cells(cli, table, &row->counters);
}

static enum cli_status print_details(const struct cli *cli, const struct tctl_detail_row *rows, size_t count)
{
    json_t *array = cli->json ? json_array() : NULL;
    _cleanup_(table_done) struct table table = {0};

    table_column(&table, "IFACE", false);
    print_user_columns(cli, &table);
    table_column(&table, "TAG", true);
    table_column(&table, "SET", true);
    print_counter_columns(&table);
    for (size_t i = 0; i < count; i++) {
        if (!cli->json)
            detail_cells(cli, &table, &rows[i]);
        else
            array = print_json_append(array, detail_json(&rows[i]));
    }
    return cli->json ? print_json_document(json_pack("{s:o}", "entries", array)) : print_table(cli, &table);
}

/* iface: what the filter borrows. */
static enum cli_status parse_filter(const struct cli *cli, const char **iface, struct tctl_filter *filter)
{
    filter->ifaces = iface;
    filter->has_uid = cli_given(cli, "--uid");
    filter->has_tag = cli_given(cli, "--tag");
    filter->has_set = cli_given(cli, "--set");
    enum cli_status status = cli_given_iface(cli, "--iface", iface);
    filter->iface_count = *iface != NULL;
    if (status == CLI_DONE)
        status = cli_given_uid(cli, "--uid", &filter->uid);
    if (status == CLI_DONE)
        status = cli_given_number(cli, "--tag", 0, UINT32_MAX, &filter->tag);
    return status == CLI_DONE ? cli_given_number(cli, "--set", 0, UINT8_MAX, &filter->set) : status;
}

enum cli_status cmd_stats_detail(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    struct tctl_filter filter = {0};
    const char *iface = NULL;
    enum cli_status status = parse_filter(cli, &iface, &filter);
    size_t count = 0;

    (void)argc, (void)argv;
    if (status == CLI_DONE)
        status = cli_open(cli, &traffic);
    if (status != CLI_DONE)
        return status;
    int r = tctl_read_details(traffic, &filter, &rows, &count);
    return r < 0 ? cli_read_failed(cli, r) : print_details(cli, rows, count);
}

static json_t *drop_json(const struct cli *cli, const struct tctl_drop_row *row)
{
    return print_json_counters(json_pack("{s:I, s:o, s:s}", "uid", (json_int_t)row->uid, "user",
                                         print_json_user(cli, row->uid), "reason", row->reason),
                               &row->counters);
}

static void drop_cells(const struct cli *cli, struct table *table, const struct tctl_drop_row *row)
{
    print_user_cells(cli, table, row->uid);
    table_add(table, "%s", row->reason);
    print_counter_cells(cli, table, &row->counters);
}

/* Rows of one UID, or all: uid NULL. */
static enum cli_status print_drops(const struct cli *cli, const uint32_t *uid, const struct tctl_drop_row *rows,
                                   size_t count)
{
    json_t *array = cli->json ? json_array() : NULL;
    _cleanup_(table_done) struct table table = {0};

    print_user_columns(cli, &table);
    table_column(&table, "REASON", false);
    print_counter_columns(&table);
    for (size_t i = 0; i < count; i++) {
        if (uid && *uid != rows[i].uid)
            continue;
        if (!cli->json)
            drop_cells(cli, &table, &rows[i]);
        else
            array = print_json_append(array, drop_json(cli, &rows[i]));
    }
    return cli->json ? print_json_document(json_pack("{s:o}", "drops", array)) : print_table(cli, &table);
}

enum cli_status cmd_stats_drops(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_free_ struct tctl_drop_row *rows = NULL;
    uint32_t uid = 0;
    enum cli_status status = argc > 1 ? cli_uid("UID", argv[1], &uid) : CLI_DONE;
    size_t count = 0;

    if (status == CLI_DONE)
        status = cli_open(cli, &traffic);
    if (status != CLI_DONE)
        return status;
    int r = tctl_read_drops(traffic, &rows, &count);
    return r < 0 ? cli_read_failed(cli, r) : print_drops(cli, argc > 1 ? &uid : NULL, rows, count);
}
