/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "print.h"

#include <inttypes.h>
#include <stdio.h>

#include "cleanup.h"
#include "format.h"

#define JSON_VERSION 1

void print_user_columns(const struct cli *cli, struct table *table)
{
    table_column(table, "UID", true);
    if (!cli->numeric)
        table_column(table, "USER", false);
}

void print_user_cells(const struct cli *cli, struct table *table, uint32_t uid)
{
    table_add(table, "%u", uid);
    if (cli->numeric)
        return;
    _cleanup_free_ char *user = format_user(uid);
    table_add(table, "%s", user ?: "-");
}

static void print_uid(const struct cli *cli, uint32_t uid, FILE *out)
{
    _cleanup_free_ char *user = cli->numeric ? NULL : format_user(uid);

    fprintf(out, "%u", uid);
    if (user)
        fprintf(out, "(%s)", user);
}

char *print_uid_list(const struct cli *cli, const uint32_t *uids, size_t count, size_t max)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    for (size_t i = 0; i < count && i < max; i++) {
        fputs(i ? " " : "", out);
        print_uid(cli, uids[i], out);
    }
    if (count > max)
        fprintf(out, " and %zu more", count - max);
    fclose(out);
    return text;
}

void print_counter_columns(struct table *table)
{
    table_column(table, "RX_BYTES", true);
    table_column(table, "RX_PACKETS", true);
    table_column(table, "TX_BYTES", true);
    table_column(table, "TX_PACKETS", true);
}

void print_counter_cells(const struct cli *cli, struct table *table, const struct tctl_counters *counters)
{
    char rx[FORMAT_LEN], tx[FORMAT_LEN];

    format_size(counters->rx_bytes, cli->human, rx);
    format_size(counters->tx_bytes, cli->human, tx);
    table_add(table, "%s", rx);
    table_add(table, "%" PRIu64, counters->rx_packets);
    table_add(table, "%s", tx);
    table_add(table, "%" PRIu64, counters->tx_packets);
}

void print_coloured(const struct cli *cli, enum print_colour colour, const char *word)
{
    static const int CODES[] = {[PRINT_GOOD] = 32, [PRINT_DOUBTFUL] = 33, [PRINT_BAD] = 31};

    if (cli->coloured)
        printf("\033[1;%dm%s\033[0m", CODES[colour], word);
    else
        fputs(word, stdout);
}

enum cli_status print_table(const struct cli *cli, struct table *table)
{
    int r = table_print(table, !cli->no_legend, stdout);

    table_done(table);
    return r < 0 ? cli_failed("out of memory") : CLI_DONE;
}

json_t *print_json_text(const char *bytes)
{
    _cleanup_free_ char *text = format_utf8(bytes);

    return text ? json_string(text) : NULL;
}

json_t *print_json_user(const struct cli *cli, uint32_t uid)
{
    _cleanup_free_ char *user = cli->numeric ? NULL : format_user(uid);

    return user ? json_string(user) : json_null();
}

json_t *print_json_counters(json_t *object, const struct tctl_counters *counters)
{
    if (json_object_set_new(object, "rx_bytes", json_integer(format_saturated(counters->rx_bytes))) ||
        json_object_set_new(object, "rx_packets", json_integer(format_saturated(counters->rx_packets))) ||
        json_object_set_new(object, "tx_bytes", json_integer(format_saturated(counters->tx_bytes))) ||
        json_object_set_new(object, "tx_packets", json_integer(format_saturated(counters->tx_packets)))) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *print_json_append(json_t *rows, json_t *row)
{
    if (json_array_append_new(rows, row) == 0)
        return rows;
    json_decref(rows);
    return NULL;
}

enum cli_status print_json_document(json_t *members)
{
    _cleanup_json_ json_t *rest = members;
    _cleanup_json_ json_t *document = json_pack("{s:i}", "version", JSON_VERSION);

    if (!document || !rest || json_object_update(document, rest))
        return cli_failed("out of memory");
    json_dumpf(document, stdout, JSON_COMPACT);
    putchar('\n');
    return CLI_DONE;
}
