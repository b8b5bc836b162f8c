/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "option.h"

/* Values of option_next(): letters for actions, from here on rows of the settings. */
#define FIRST_SETTING 256

static const struct action {
    const char *option;
    const char *argument;
    const char *help;
    int letter; /* a short option too, where it is in SHORT */
    enum options_action action;
} ACTIONS[] = {
    {"config", "FILE", "read this file alone (default " CONFIG_FILE " and .conf.d)", 'c', OPTIONS_RUN},
    {"check-config", NULL, "print the effective configuration and exit", 'k', OPTIONS_CHECK_CONFIG},
    {"load-only", NULL, "load, pin and attach, then exit", 'l', OPTIONS_LOAD_ONLY},
    {"help", NULL, "print this and exit", 'h', OPTIONS_HELP},
    {"version", NULL, "print the version and exit", 'V', OPTIONS_VERSION},
};
#define SHORT ":hV"

_Static_assert(FIRST_SETTING > 'z', "letters and rows must differ");

/* One getopt entry per action and setting; the last stays zero. */
static void long_options(struct option *longs)
{
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++)
        *longs++ = (struct option){ACTIONS[i].option, ACTIONS[i].argument ? required_argument : no_argument, NULL,
                                   ACTIONS[i].letter};
    for (size_t i = 0; i < count; i++)
        *longs++ = (struct option){table[i].option, required_argument, NULL, FIRST_SETTING + i};
}

static void take(struct options *options, int value, const char *argument)
{
    if (value >= FIRST_SETTING) {
        options->given[value - FIRST_SETTING] = argument;
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++) {
        if (ACTIONS[i].letter != value)
            continue;
        if (ACTIONS[i].argument)
            options->config = argument;
        else if (ACTIONS[i].action > options->action)
            options->action = ACTIONS[i].action;
    }
}

int options_parse(int argc, char **argv, struct options *ret_options, struct fault *fault)
{
    struct option longs[ARRAY_SIZE(ACTIONS) + SETTINGS_MAX + 1] = {0};
    struct options options = {0};
    struct fault why = {0};
    int value;

    long_options(longs);
    optind = 0;
    while ((value = option_next(argc, argv, SHORT, longs, &why)) != -1) {
        if (value == '?' || value == ':')
            return fault_set(fault, -EINVAL, "%s: see 'trafficd --help'", why.text);
        take(&options, value, optarg);
    }
    if (options.config && !*options.config)
        return fault_set(fault, -EINVAL, "--config wants the name of a file: see 'trafficd --help'");
    if (optind < argc)
        return fault_set(fault, -EINVAL, "unexpected argument '%.200s': see 'trafficd --help'", argv[optind]);
    *ret_options = options;
    return 0;
}

static int apply_given(const struct options *options, struct settings *settings, struct fault *fault)
{
    struct fault why = {0};
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < count; i++) {
        int r = options->given[i] ? settings_set_row(settings, &table[i], options->given[i], &why) : 0;
        if (r < 0)
            return fault_set(fault, r, "option --%.400s", why.text);
    }
    return 0;
}

int options_settings(const struct options *options, const struct options_files *files, struct settings *ret_settings,
                     struct fault *fault)
{
    struct settings settings;
    int r;

    settings_init(&settings, files->login_defs);
    if (options->config)
        r = config_read_file(options->config, &settings, fault);
    else
        r = config_read_default(files->config, &settings, fault);
    if (r == 0)
        r = apply_given(options, &settings, fault);
    if (r == 0)
        *ret_settings = settings;
    return r;
}

static void help_line(FILE *out, int letter, const char *option, const char *argument, const char *help)
{
    char left[64];

    snprintf(left, sizeof(left), "%s%s%s", option, argument ? " " : "", argument ?: "");
    if (letter)
        fprintf(out, "  -%c, --%-34s %s", letter, left, help);
    else
        fprintf(out, "      --%-34s %s", left, help);
}

void options_help(FILE *out)
{
    size_t count;
    const struct setting *table = settings_table(&count);

    fputs("Usage: trafficd [OPTION]...\nCount network traffic by user. Stays in the foreground; ending it does not "
          "end the counting.\n\n",
          out);
    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++) {
        help_line(out, strchr(SHORT, ACTIONS[i].letter) ? ACTIONS[i].letter : 0, ACTIONS[i].option, ACTIONS[i].argument,
                  ACTIONS[i].help);
        fputc('\n', out);
    }
    fputs("\nAlso keys of the configuration's section [trafficd], with _ for -; the option wins:\n", out);
    for (size_t i = 0; i < count; i++) {
        help_line(out, 0, table[i].option, table[i].argument, table[i].help);
        if (table[i].initial && *table[i].initial)
            fprintf(out, " (default %s)", table[i].initial);
        fputc('\n', out);
    }
    fputs("\nExit status: 0 stopped, 1 failure, 2 usage or configuration.\n", out);
}
