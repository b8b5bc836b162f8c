/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What main() of trafficctl, and of each program that runs one of its commands, is. */
#pragma once

#include "commands.h"

/* Take the general options and run the command with what is in run. The exit status. */
int general_main(int argc, char **argv, const command_fn run[COMMANDS]);
