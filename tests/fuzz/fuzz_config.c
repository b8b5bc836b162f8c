/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The configuration parser on any bytes: it refuses with one line that names the file and a line of it, or takes what
 * prints as a configuration that reads back as the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_bytes(const void *bytes, size_t size, struct settings *settings, struct fault *fault)
{
    FILE *file = fmemopen((void *)bytes, size, "r");

    assert(file);
    settings_init(settings, "/nonexistent");
    int r = config_read_stream(file, "FILE", settings, fault);
    fclose(file);
    return r;
}

static void check_fault(const struct fault *fault, size_t size)
{
    unsigned int line = 0;

    assert(sscanf(fault->text, "FILE:%u: ", &line) == 1);
    assert(line >= 1 && line <= size);
    assert(!strchr(fault->text, '\n'));
}

static void check_settings(const struct settings *settings)
{
    char text[SETTINGS_TEXT_LEN], again[SETTINGS_TEXT_LEN];
    struct settings copy;
    struct fault fault = {0};

    if (settings_print(settings, text, &fault) < 0)
        return;
    assert(read_bytes(text, strlen(text), &copy, &fault) == 0);
    assert(settings_print(&copy, again, &fault) == 0);
    assert(!strcmp(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    struct fault fault = {0};

    if (size == 0)
        return 0;
    if (read_bytes(data, size, &settings, &fault) < 0)
        check_fault(&fault, size);
    else
        check_settings(&settings);
    return 0;
}
