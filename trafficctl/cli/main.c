/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cmd.h"
#include "general.h"

int main(int argc, char **argv)
{
    return general_main(argc, argv, cmd_run);
}
