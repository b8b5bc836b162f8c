/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What status says of rules and programs that are not as asked for. Only root can compare. */
#pragma once

#include <trafficctl/firewall.h>
#include <trafficctl/traffic.h>

#include "print.h"

/* Starts zeroed; end with differs_done(). */
struct differs {
    bool compared;
    struct tctl_difference *rows;
    size_t count;
};

void differs_done(struct differs *differs);

/* What cannot be compared, for another reason than missing rights, is itself a difference. CLI_FAILED: no memory. */
enum cli_status differs_find(const struct cli *cli, struct differs *differs);

/* Nothing is added where nobody compared. CLI_FAILED: no memory. */
enum cli_status differs_add_places(struct differs *differs, const struct tctl_status *now);

/* null when nobody compared. */
json_t *differs_json(const struct differs *differs);
enum cli_status differs_print(const struct cli *cli, const struct differs *differs);
