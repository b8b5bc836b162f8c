/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "exporter.h"
#include "general.h"

static const command_fn RUN[COMMANDS] = {[COMMAND_EXPORTER] = exporter_run};

int main(int argc, char **argv)
{
    return general_main(argc, argv, RUN);
}
