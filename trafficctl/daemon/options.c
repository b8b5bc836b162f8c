/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "kind.h"
#include "option.h"

/* Values of option_next(): letters for actions, from here on rows of the settings. */
#define FIRST_SETTING 256

static const struct action {
    const char *option;
    struct value value;
    const char *help;
    int letter; /* a short option too, where it is in SHORT */
    enum options_action action;
} ACTIONS[] = {
    {"config", {"FILE", VALUE_FILE}, "read this file alone (default " CONFIG_FILE " and .conf.d)", 'c', OPTIONS_RUN},
    {"check-config", {0}, "print the effective configuration and exit", 'k', OPTIONS_CHECK_CONFIG},
    {"load-only", {0}, "load, pin and attach, then exit", 'l', OPTIONS_LOAD_ONLY},
    {"help", {0}, "print this and exit", 'h', OPTIONS_HELP},
    {"version", {0}, "print the version and exit", 'V', OPTIONS_VERSION},
};
#define SHORT ":hV"

_Static_assert(ARRAY_SIZE(ACTIONS) + SETTINGS_MAX <= OPTIONS_MAX, "raise OPTIONS_MAX");
_Static_assert(FIRST_SETTING > 'z', "letters and rows must differ");

/* One getopt entry per action and setting; the last stays zero. */
static void long_options(struct option *longs)
{
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++)
        *longs++ = (struct option){ACTIONS[i].option, value_exists(&ACTIONS[i].value) ? required_argument : no_argument,
                                   NULL, ACTIONS[i].letter};
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
        if (value_exists(&ACTIONS[i].value))
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

static int short_of(const struct action *action)
{
    return strchr(SHORT, action->letter) ? action->letter : 0;
}

size_t options_list(struct options_row rows[static OPTIONS_MAX])
{
    size_t count, listed = 0;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++)
        rows[listed++] =
            (struct options_row){ACTIONS[i].option, ACTIONS[i].value, ACTIONS[i].help, NULL, short_of(&ACTIONS[i])};
    for (size_t i = 0; i < count; i++)
        rows[listed++] = (struct options_row){table[i].option, table[i].kind->value, table[i].help, &table[i]};
    return listed;
}

static void help_line(FILE *out, const struct options_row *row)
{
    char left[SETTINGS_KEY_LEN + VALUE_TEXT_LEN], value[VALUE_TEXT_LEN];
    const char *initial = row->setting ? row->setting->initial : NULL;

    snprintf(left, sizeof(left), "%s%s%s", row->name, value_exists(&row->value) ? " " : "",
             value_text(&row->value, value));
    if (row->letter)
        fprintf(out, "  -%c, --%s\n      %s", row->letter, left, row->help);
    else
        fprintf(out, "  --%s\n      %s", left, row->help);
    if (initial && *initial)
        fprintf(out, " (default %s)", initial);
    fputc('\n', out);
}

void options_help(FILE *out)
{
    struct options_row rows[OPTIONS_MAX];
    size_t count = options_list(rows);

    fputs("Usage: trafficd [OPTION]...\nCount network traffic by user. Stays in the foreground; ending it does not "
          "end the counting.\n\n",
          out);
    for (size_t i = 0; i < count; i++) {
        if (i == ARRAY_SIZE(ACTIONS))
            fputs("\nAlso keys of the configuration's section [trafficd], with _ for -; the option wins:\n", out);
        help_line(out, &rows[i]);
    }
    fputs("\nExit status: 0 stopped, 1 failure, 2 usage or configuration.\n", out);
}
