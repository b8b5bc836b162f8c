/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The command exporter. */
#pragma once

#include "cli.h"

enum cli_status exporter_run(const struct cli *cli, int argc, char **argv);
