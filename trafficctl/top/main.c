/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "general.h"
#include "top.h"

static const command_fn RUN[COMMANDS] = {[COMMAND_TOP] = top_run};

int main(int argc, char **argv)
{
    return general_main(argc, argv, RUN);
}
