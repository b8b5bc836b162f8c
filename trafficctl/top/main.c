/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "format.h"
#include "general.h"
#include "top.h"

static enum cli_status parse_filter(const struct cli *cli, struct reading_filter *filter)
{
    filter->has_uid = cli_given(cli, "--uid");
    filter->has_tag = cli_given(cli, "--tag");
    enum cli_status status = cli_given_iface(cli, "--iface", &filter->iface);
    if (status == CLI_DONE)
        status = cli_given_uid(cli, "--uid", &filter->uid);
    return status == CLI_DONE ? cli_given_number(cli, "--tag", 0, UINT32_MAX, &filter->tag) : status;
}

/* In a table each user has a place, on the screen those who use the network come first. */
static enum cli_status parse_order(const struct cli *cli, struct top *top)
{
    const char *name = cli_given(cli, "--sort");

    top->order = top->batch ? ORDER_UID : ORDER_RATE;
    if (!name || order_find(name, &top->order))
        return CLI_DONE;
    return cli_usage("--sort: there is no '%s': write uid, user, rate, rx, tx, packets, total or blocked", name);
}

static enum cli_status parse(const struct cli *cli, struct top *top)
{
    top->batch = cli->json || cli_given(cli, "--batch");
    enum cli_status status = cli_given_number(cli, "--count", 1, UINT32_MAX, &top->count);
    if (status == CLI_DONE)
        status = parse_order(cli, top);
    if (status == CLI_DONE)
        status = parse_filter(cli, &top->filter);
    if (status == CLI_DONE && !top->batch && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        return cli_usage("top wants a terminal to write to and keys from: elsewhere write top --batch, or -j top");
    return status;
}

static void top_done(struct top *top)
{
    top->names = user_names_free(top->names);
}

static enum cli_status top_run(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(top_done) struct top top = {0};
    enum cli_status status = parse(cli, &top);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    int r = cli->numeric ? 0 : user_names_new(format_user, &top.names);
    if (r < 0)
        return cli_failed("cannot begin: %s", strerror(-r));
    return top.batch ? batch_run(cli, &top) : live_run(cli, &top);
}

int main(int argc, char **argv)
{
    static const command_fn RUN[COMMANDS] = {[COMMAND_TOP] = top_run};

    return general_main(argc, argv, RUN);
}
