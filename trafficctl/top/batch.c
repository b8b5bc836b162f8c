/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* top --batch, and JSON lines */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "format.h"
#include "print.h"
#include "sample.h"
#include "ticks.h"
#include "top.h"

/* What a table may wait for names. */
#define NAMES_MS 1000

struct batch {
    const struct cli *cli;
    const struct top *top;
    struct users users;
    struct view view;
};

static void batch_done(struct batch *batch)
{
    view_done(&batch->view);
    users_done(&batch->users);
}

static enum cli_status take_reading(struct batch *batch)
{
    int r = sample_take(batch->cli->bpffs, &batch->top->filter, &batch->users, NULL, NULL);

    return r < 0 ? cli_read_failed(batch->cli, r) : CLI_DONE;
}

static json_t *blocked_json(const struct batch *batch, uint64_t packets)
{
    return batch->users.has_blocked ? json_integer(format_saturated(packets)) : json_null();
}

static json_t *line_json(const struct batch *batch, time_t now, const struct row *row)
{
    return print_json_counters(
        json_pack("{s:I, s:I, s:s?, s:I, s:I, s:I, s:I, s:o, s:o}", "time", (json_int_t)now, "uid",
                  (json_int_t)row->uid, "user", row->user, "rx_bytes_per_second", format_saturated(row->rate.rx_bytes),
                  "rx_packets_per_second", format_saturated(row->rate.rx_packets), "tx_bytes_per_second",
                  format_saturated(row->rate.tx_bytes), "tx_packets_per_second", format_saturated(row->rate.tx_packets),
                  "blocked_packets_per_second", blocked_json(batch, row->blocked_rate), "blocked_packets",
                  blocked_json(batch, row->blocked)),
        &row->total);
}

static void add_columns(const struct cli *cli, struct table *table)
{
    table_column(table, "TIME", false);
    print_user_columns(cli, table);
    table_column(table, "RX/S", true);
    table_column(table, "RX_PKT/S", true);
    table_column(table, "TX/S", true);
    table_column(table, "TX_PKT/S", true);
    print_counter_columns(table);
    table_column(table, "BLOCKED/S", true);
    table_column(table, "BLOCKED", true);
}

static void add_blocked(const struct batch *batch, struct table *table, uint64_t packets)
{
    if (batch->users.has_blocked)
        table_add(table, "%" PRIu64, packets);
    else
        table_add(table, "-");
}

static void add_cells(const struct batch *batch, struct table *table, time_t now, const struct row *row)
{
    char clock[FORMAT_LEN] = "";
    struct tm parts;

    if (localtime_r(&now, &parts))
        strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    table_add(table, "%s", clock);
    table_add(table, "%u", row->uid);
    if (!batch->cli->numeric)
        table_add(table, "%s", row->user ?: "-");
    print_counter_cells(batch->cli, table, &row->rate);
    print_counter_cells(batch->cli, table, &row->total);
    add_blocked(batch, table, row->blocked_rate);
    add_blocked(batch, table, row->blocked);
}

static enum cli_status print_rates(const struct batch *batch)
{
    _cleanup_(table_done) struct table table = {0};
    time_t now = time(NULL);

    add_columns(batch->cli, &table);
    for (size_t i = 0; i < batch->view.count; i++) {
        const struct row *row = batch->view.rows[i];
        if (row->gone)
            continue;
        if (!batch->cli->json)
            add_cells(batch, &table, now, row);
        else if (print_json_document(line_json(batch, now, row)) != CLI_DONE)
            return CLI_FAILED;
    }
    enum cli_status status = batch->cli->json ? CLI_DONE : print_table(batch->cli, &table);
    return status == CLI_DONE ? cli_flush() : status;
}

static enum cli_status tick(struct batch *batch)
{
    enum cli_status status = take_reading(batch);

    if (status != CLI_DONE)
        return status;
    user_names_allow(batch->top->names, NAMES_MS);
    users_find_names(&batch->users);
    if (view_make(&batch->view, &batch->users, batch->top->order, "") < 0)
        return cli_failed("out of memory");
    return print_rates(batch);
}

/* Until count seconds are printed or a signal comes. */
static enum cli_status loop(struct batch *batch, int ticks, int stops)
{
    struct pollfd polled[] = {
        {.fd = ticks, .events = POLLIN},
        {.fd = stops, .events = POLLIN},
        {.fd = STDOUT_FILENO}, /* for POLLERR: who read it has read enough */
    };
    uint32_t count = batch->top->count;

    for (uint32_t done = 0; !count || done < count;) {
        if (poll(polled, ARRAY_SIZE(polled), -1) < 0)
            return cli_failed("cannot wait: %s", strerror(errno));
        if (polled[1].revents || polled[2].revents)
            return CLI_DONE;
        if (!ticks_take(ticks))
            continue;
        enum cli_status status = tick(batch);
        if (status != CLI_DONE)
            return status;
        done++;
    }
    return CLI_DONE;
}

enum cli_status batch_run(const struct cli *cli, const struct top *top)
{
    _cleanup_(batch_done) struct batch batch = {.cli = cli, .top = top, .users.names = top->names};
    _cleanup_fd_ int ticks = -1, stops = -1;
    int r = cli_catch_stops(&stops);

    if (r < 0)
        return cli_failed("cannot wait for signals: %s", strerror(-r));
    enum cli_status status = take_reading(&batch);
    if (status != CLI_DONE)
        return status;
    ticks = ticks_open();
    if (ticks < 0)
        return cli_failed("cannot wait for time: %s", strerror(-ticks));
    return loop(&batch, ticks, stops);
}
