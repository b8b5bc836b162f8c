/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * getopt_long(3) that takes long options by their whole names only: an abbreviation would mean something else, or
 * nothing, as soon as there is another option.
 */
#pragma once

#include <getopt.h>

#include "fault.h"

/*
 * The next option, as getopt_long() gives it and with its optarg and optind; set optind to 0 before the first call.
 * Short options take no argument, long ones none or one. fault says what is wrong when it is
 * '?': there is no such option; or
 * ':': an argument is missing, or there is one too many.
 */
int option_next(int argc, char **argv, const char *shorts, const struct option *longs, struct fault *fault);
