/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "complaint.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define LOG_BEGINS "-- BEGIN PROG LOAD LOG --"
#define LOG_ENDS "-- END PROG LOAD LOG --"

static char complaint[320];
static char refused_map[64];

/* Lines of a verifier log that come after the reason. */
static bool is_statistics(const char *line)
{
    static const char *const words[] = {"processed ", "verification time", "stack depth", "insns processed",
                                        "max_states"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strncmp(line, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static void add(const char *separator, const char *text)
{
    size_t length = strlen(complaint);
    snprintf(complaint + length, sizeof(complaint) - length, "%s%s", separator, text);
}

static void add_last_words(char *log)
{
    char *end = strstr(log, LOG_ENDS), *saved = NULL;
    if (end)
        *end = '\0';
    const char *last = NULL;
    for (char *line = strtok_r(log, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved))
        if (!is_statistics(line))
            last = line;
    if (last)
        add(": ", last);
}

/* The only line that tells a map that was refused from other trouble. */
static void note_map(const char *text)
{
    char name[sizeof(refused_map)];
    int end = 0;
    if (!*refused_map && sscanf(text, "libbpf: map '%63[^']': failed to create: %n", name, &end) == 1 && end > 0)
        strcpy(refused_map, name);
}

/* What libbpf only tries, and puts right by itself. */
static bool is_harmless(const char *text)
{
    return strstr(text, "Retrying without BTF");
}

static int keep(enum libbpf_print_level level, const char *format, va_list arguments)
{
    _cleanup_free_ char *text = NULL;
    if (level != LIBBPF_WARN || vasprintf(&text, format, arguments) < 0) {
        text = NULL;
        return 0;
    }
    note_map(text);
    char *log = strstr(text, LOG_BEGINS);
    if (log) {
        add_last_words(log + strlen(LOG_BEGINS));
    } else if (!*complaint && !is_harmless(text)) {
        const char *from = strncmp(text, "libbpf: ", 8) == 0 ? text + 8 : text;
        text[strcspn(text, "\n")] = '\0';
        add("", from);
    }
    return 0;
}

void complaint_listen(void)
{
    complaint[0] = '\0';
    refused_map[0] = '\0';
    libbpf_set_print(keep);
}

const char *complaint_text(void)
{
    return complaint;
}

const char *complaint_map(void)
{
    return refused_map;
}
