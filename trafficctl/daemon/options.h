/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficd's command line. Options win over files, also when SIGHUP reads the files again. */
#pragma once

#include <stdio.h>

#include "settings.h"
#include "value.h"

enum options_action {
    OPTIONS_RUN,
    OPTIONS_LOAD_ONLY,
    OPTIONS_CHECK_CONFIG,
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

/* Strings are borrowed from argv. */
struct options {
    enum options_action action;
    const char *config;              /* NULL: the default files */
    const char *given[SETTINGS_MAX]; /* by row of settings_table(); NULL: not given */
};

/* -EINVAL: fault says which argument is wrong. Values are judged by options_settings(). */
int options_parse(int argc, char **argv, struct options *ret_options, struct fault *fault);

/* Where settings come from besides options; passed in so that tests bring their own. */
struct options_files {
    const char *config; /* default file; its drop-ins are in "CONFIG.d" */
    const char *login_defs;
};

/* Defaults, then files, then options. Settings are untouched on failure; fault names file and line, or the option. */
int options_settings(const struct options *options, const struct options_files *files, struct settings *ret_settings,
                     struct fault *fault);

/* Options, at most. */
#define OPTIONS_MAX 40

struct options_row {
    const char *name; /* without dashes */
    struct value value;
    const char *help;
    const struct setting *setting; /* that it sets; NULL: none */
    char letter;                   /* short for it; 0: nothing */
};

/* All, in the order of --help; how many they are. */
size_t options_list(struct options_row rows[static OPTIONS_MAX]);

void options_help(FILE *out);
