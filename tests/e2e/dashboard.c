/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "prometheus.h"

static const struct {
    const char *name, *value;
} VARIABLES[] = {{"$instance", ".*"}, {"$user", ".*"}, {"$top", "10"}, {"$__rate_interval", "5s"}, {"$__range", "1m"}};

json_t *dashboard_load(void)
{
    json_error_t error;
    json_t *dashboard = json_load_file(MONITORING "grafana-dashboard.json", JSON_REJECT_DUPLICATES, &error);

    if (!dashboard)
        fail_msg("%s at line %d", error.text, error.line);
    return dashboard;
}

static size_t fill_in(const char *text, FILE *filled)
{
    for (size_t i = 0; i < ARRAY_SIZE(VARIABLES); i++) {
        size_t length = strlen(VARIABLES[i].name);
        if (strncmp(text, VARIABLES[i].name, length) == 0) {
            fputs(VARIABLES[i].value, filled);
            return length;
        }
    }
    fputc(*text, filled);
    return 1;
}

static void each_of_panel(const json_t *panel, void (*fn)(const char *title, const char *expression))
{
    const json_t *target;
    size_t i;

    json_array_foreach(json_object_get(panel, "targets"), i, target)
    {
        const char *text = json_string_value(json_object_get(target, "expr"));
        char filled[1024];
        FILE *file = fmemopen(filled, sizeof(filled), "w");

        assert_non_null(text);
        assert_non_null(file);
        while (*text)
            text += fill_in(text, file);
        assert_int_equal(fclose(file), 0);
        assert_null(strchr(filled, '$'));
        fn(json_string_value(json_object_get(panel, "title")), filled);
    }
}

void dashboard_each(const json_t *dashboard, void (*fn)(const char *title, const char *expression))
{
    const json_t *panel;
    size_t i;

    assert_true(json_array_size(json_object_get(dashboard, "panels")) > 0);
    json_array_foreach(json_object_get(dashboard, "panels"), i, panel) each_of_panel(panel, fn);
}
