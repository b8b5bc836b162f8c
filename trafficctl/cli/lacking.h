/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which backend it is, why, and what that cannot do. */
#pragma once

#include <trafficctl/traffic.h>

#include "print.h"

/* {name, why, lacks}; why is null where there is nothing to say, name where there is no backend (NULL). */
json_t *lacking_json(const struct tctl_backend *backend);

/* "bpf", or "nft, since ...", and the end of the line. */
void lacking_print_name(const struct tctl_backend *backend);

/* A line for each lack, after an empty one; nothing where nothing lacks. CLI_FAILED: no memory. */
enum cli_status lacking_print(const struct cli *cli, const struct tctl_backend *backend);
