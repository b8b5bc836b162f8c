/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What config/monitoring ships, by itself. What the real exporter makes of it: test_prometheus.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "prometheus.h"

#define COLUMNS 24 /* of a dashboard */
#define MAX_ROWS 128

static void scrape_example_is_sound(void **state)
{
    (void)state;
    promtool("check config " MONITORING "prometheus.yml");
}

static void rules_are_sound(void **state)
{
    (void)state;
    promtool("check rules --lint=all --lint-fatal " MONITORING "trafficd.rules.yml");
}

static void alerts_fire_by_what_they_are_for(void **state)
{
    (void)state;
    promtool("test rules tests/e2e/rules_test.yml");
}

/* A panel's part of the dashboard; no two have the same. */
static void take_place(const json_t *panel, bool taken[MAX_ROWS][COLUMNS])
{
    json_int_t x, y, w, h;

    assert_int_equal(
        json_unpack((json_t *)panel, "{s:{s:I, s:I, s:I, s:I}}", "gridPos", "x", &x, "y", &y, "w", &w, "h", &h), 0);
    assert_true(w > 0 && h > 0 && x + w <= COLUMNS && y + h <= MAX_ROWS);
    for (json_int_t n = 0; n < w * h; n++) {
        bool *here = &taken[y + n / w][x + n % w];
        if (*here)
            fail_msg("'%s' covers another panel", json_string_value(json_object_get(panel, "title")));
        *here = true;
    }
}

static void has_both(const char *title, const char *expression)
{
    assert_non_null(title);
    assert_non_null(expression);
}

static void dashboard_is_whole(void **state)
{
    json_t *dashboard = dashboard_load();
    bool taken[MAX_ROWS][COLUMNS] = {0};
    const json_t *panel;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(dashboard, "panels"), i, panel)
    {
        assert_int_equal(json_integer_value(json_object_get(panel, "id")), i + 1);
        take_place(panel, taken);
    }
    dashboard_each(dashboard, has_both);
    json_decref(dashboard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrape_example_is_sound),
        cmocka_unit_test(rules_are_sound),
        cmocka_unit_test(alerts_fire_by_what_they_are_for),
        cmocka_unit_test(dashboard_is_whole),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
