/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* unload */
#include <string.h>

#include "cmd.h"
#include "loader.h"

enum cli_status cmd_unload(const struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    int r = loader_unload(cli->bpffs, &fault);

    (void)argc;
    (void)argv;
    return r < 0 ? cli_failed("%s", *fault.text ? fault.text : strerror(-r)) : CLI_DONE;
}
