/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* top --batch */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fd.h"
#include "format.h"
#include "print.h"
#include "rate.h"
#include "top.h"

/* One reading of the totals. */
struct reading {
    struct tctl_uid_row *rows;
    size_t count;
    uint64_t ns; /* CLOCK_MONOTONIC */
};

struct top {
    bool batch;
    uint32_t count; /* of seconds; 0: until stopped */
    struct reading last;
};

static void top_done(struct top *top)
{
    free(top->last.rows);
}

/* Opened anew each time, so that it follows an unload and a new start. */
static enum cli_status take_reading(const struct cli *cli, struct reading *ret)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    struct reading reading = {0};
    struct timespec now;
    enum cli_status status = cli_open(cli, &traffic);

    if (status != CLI_DONE)
        return status;
    int r = tctl_read_uids(traffic, &reading.rows, &reading.count);
    if (r < 0)
        return cli_read_failed(cli, r);
    clock_gettime(CLOCK_MONOTONIC, &now);
    reading.ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    *ret = reading;
    return CLI_DONE;
}

static json_t *line_json(const struct cli *cli, time_t now, const struct tctl_uid_row *row,
                         const struct tctl_counters *rate)
{
    return print_json_counters(
        json_pack("{s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "time", (json_int_t)now, "uid", (json_int_t)row->uid, "user",
                  print_json_user(cli, row->uid), "rx_bytes_per_second", format_saturated(rate->rx_bytes),
                  "rx_packets_per_second", format_saturated(rate->rx_packets), "tx_bytes_per_second",
                  format_saturated(rate->tx_bytes), "tx_packets_per_second", format_saturated(rate->tx_packets)),
        &row->counters);
}

static void top_columns(const struct cli *cli, struct table *table)
{
    table_column(table, "TIME", false);
    print_user_columns(cli, table);
    table_column(table, "RX/S", true);
    table_column(table, "RX_PKT/S", true);
    table_column(table, "TX/S", true);
    table_column(table, "TX_PKT/S", true);
    print_counter_columns(table);
}

static void top_cells(const struct cli *cli, struct table *table, time_t now, const struct tctl_uid_row *row,
                      const struct tctl_counters *rate)
{
    char clock[FORMAT_LEN] = "";
    struct tm parts;

    if (localtime_r(&now, &parts))
        strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    table_add(table, "%s", clock);
    print_user_cells(cli, table, row->uid);
    print_counter_cells(cli, table, rate);
    print_counter_cells(cli, table, &row->counters);
}

static enum cli_status print_rates(const struct cli *cli, const struct reading *before, const struct reading *now)
{
    _cleanup_(table_done) struct table table = {0};
    time_t clock = time(NULL);

    top_columns(cli, &table);
    for (size_t i = 0; i < now->count; i++) {
        const struct tctl_uid_row *row = &now->rows[i];
        struct tctl_counters was = rate_find(before->rows, before->count, row->uid);
        struct tctl_counters rate = rate_of(&was, &row->counters, now->ns - before->ns);
        if (!cli->json)
            top_cells(cli, &table, clock, row, &rate);
        else if (print_json_document(line_json(cli, clock, row, &rate)) != CLI_DONE)
            return CLI_FAILED;
    }
    enum cli_status status = cli->json ? CLI_DONE : print_table(cli, &table);
    return status == CLI_DONE ? cli_flush() : status;
}

static enum cli_status top_tick(const struct cli *cli, struct top *top)
{
    struct reading now = {0};
    enum cli_status status = take_reading(cli, &now);

    if (status != CLI_DONE)
        return status;
    status = print_rates(cli, &top->last, &now);
    free(top->last.rows);
    top->last = now;
    return status;
}

/* Until count seconds are printed or a signal comes. */
static enum cli_status top_loop(const struct cli *cli, struct top *top, int timer, int stops)
{
    struct pollfd polled[] = {{.fd = timer, .events = POLLIN}, {.fd = stops, .events = POLLIN}};
    uint64_t expirations;

    for (uint32_t done = 0; !top->count || done < top->count;) {
        if (poll(polled, ARRAY_SIZE(polled), -1) < 0)
            return cli_failed("cannot wait: %s", strerror(errno));
        if (polled[1].revents)
            return CLI_DONE;
        if (!polled[0].revents || read(timer, &expirations, sizeof(expirations)) < 0)
            continue;
        enum cli_status status = top_tick(cli, top);
        if (status != CLI_DONE)
            return status;
        done++;
    }
    return CLI_DONE;
}

static enum cli_status parse_top(const struct cli *cli, struct top *top)
{
    top->batch = cli_given(cli, "--batch");
    enum cli_status status = cli_given_number(cli, "--count", 1, UINT32_MAX, &top->count);
    if (status != CLI_DONE)
        return status;
    return top->batch ? CLI_DONE : cli_usage("top has no full-screen view yet: write top --batch");
}

enum cli_status top_run(const struct cli *cli, int argc, char **argv)
{
    static const struct itimerspec SECOND = {{1, 0}, {1, 0}};
    _cleanup_(top_done) struct top top = {0};
    _cleanup_fd_ int timer = -1, stops = -1;
    enum cli_status status = parse_top(cli, &top);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    int r = cli_catch_stops(&stops);
    if (r < 0)
        return cli_failed("cannot wait for signals: %s", strerror(-r));
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    status = take_reading(cli, &top.last);
    if (status != CLI_DONE)
        return status;
    if (timer < 0 || timerfd_settime(timer, 0, &SECOND, NULL) < 0)
        return cli_failed("cannot wait for time: %s", strerror(errno));
    return top_loop(cli, &top, timer, stops);
}
