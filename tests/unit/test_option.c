/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <string.h>

#include "cleanup.h"
#include "option.h"

static const struct option LONGS[] = {
    {"file", required_argument, NULL, 'f'},
    {"files", no_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* Values of all words' options, as characters; '.' at their end. */
static void read_all(const char *const *words, char *values, struct fault *fault)
{
    char *argv[9] = {"program"};
    int argc = 1, value;

    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    optind = 0;
    do {
        value = option_next(argc, argv, ":hv", LONGS, fault);
        *values++ = value == -1 ? '.' : (char)value;
    } while (value != -1 && value != '?' && value != ':');
    *values = '\0';
}

/* The words give these values, and fault says why. */
static void gives(const char *expected, const char *why, const char *const *words)
{
    struct fault fault = {0};
    char values[16];

    read_all(words, values, &fault);
    assert_string_equal(values, expected);
    assert_string_equal(fault.text, why);
}
#define GIVES(expected, why, ...) gives(expected, why, (const char *const[]){__VA_ARGS__, NULL})

static void option_whole_names(void **state)
{
    (void)state;
    GIVES("f.", "", "--file", "x");
    GIVES("f.", "", "--file=x");
    GIVES("f.", "", "--file=");
    GIVES("f.", "", "--file", "--fil");
    GIVES("fshv.", "", "--file=--fil", "--files", "--help", "-v");
    GIVES("hhv.", "", "-h", "stray", "-hv");
    GIVES("h.", "", "-h", "--", "--fil");
}

static void option_abbreviations_are_unknown(void **state)
{
    (void)state;
    GIVES("?", "unknown option --fil", "--fil", "x");
    GIVES("?", "unknown option --fil=x", "--fil=x");
    GIVES("?", "unknown option --hel", "--hel");
    GIVES("h?", "unknown option --hel", "-h", "stray", "--hel");
    GIVES("h?", "unknown option --filed", "--help", "--filed");
    GIVES("?", "unknown option --=x", "--=x");
}

static void option_letters_of_a_cluster(void **state)
{
    (void)state;
    GIVES("?", "unknown option -x", "-xv");
    GIVES("h?", "unknown option -x", "-hxv");
    GIVES("h?", "unknown option -x", "--help", "-xv");
    GIVES("f?", "unknown option -x", "--file=x", "-x");
    GIVES("f?", "unknown option -s", "--file=x", "-sv");
    GIVES("f?", "unknown option -f", "--file=x", "stray", "-f");
}

static void option_arguments(void **state)
{
    (void)state;
    GIVES(":", "--file wants an argument", "--file");
    GIVES("h:", "--file wants an argument", "-h", "--file");
    GIVES("?", "unknown option --fi", "--fi");
    GIVES(":", "--help takes no argument", "--help=x");
    GIVES(":", "--files takes no argument", "--files=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(option_whole_names),
        cmocka_unit_test(option_abbreviations_are_unknown),
        cmocka_unit_test(option_letters_of_a_cluster),
        cmocka_unit_test(option_arguments),
    };

    return unit_run(tests);
}
