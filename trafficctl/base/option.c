/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "option.h"

#include <stdbool.h>
#include <string.h>

static bool is_name(const char *name, const struct option *longs)
{
    size_t length = strcspn(name, "=");
    for (; longs->name; longs++)
        if (strlen(longs->name) == length && memcmp(longs->name, name, length) == 0)
            return true;
    return false;
}

int option_next(int argc, char **argv, const char *shorts, const struct option *longs, struct fault *fault)
{
    int before = optind;
    opterr = 0;
    int value = getopt_long(argc, argv, shorts, longs, NULL);
    if (value == -1)
        return -1;
    const char *word = argv[optind - 1];
    if (word == optarg)
        word = argv[optind - 2];

    /* Within a cluster of short options optind stays, and the word is an earlier one. */
    bool is_long = optind != before && strncmp(word, "--", 2) == 0;
    if (is_long && !is_name(word + 2, longs))
        return fault_set(fault, '?', "unknown option %.200s", word);
    if (value == ':')
        return fault_set(fault, ':', "%s wants an argument", word);
    if (value == '?' && is_long)
        return fault_set(fault, ':', "--%.*s takes no argument", (int)strcspn(word + 2, "="), word + 2);
    if (value == '?')
        return fault_set(fault, '?', "unknown option -%c", optopt);
    return value;
}
