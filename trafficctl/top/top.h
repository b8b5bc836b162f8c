/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The command top: what was asked for, and its two faces. */
#pragma once

#include "cli.h"
#include "order.h"

struct top {
    bool batch;
    uint32_t count; /* of seconds; 0: until stopped */
    enum order_by order;
    struct reading_filter filter; /* uid, iface, tag */
    struct user_names *names;
};

/* Rates only: a table each second, or JSON lines. */
enum cli_status batch_run(const struct cli *cli, const struct top *top);

/* The screen of a terminal. */
enum cli_status live_run(const struct cli *cli, const struct top *top);
