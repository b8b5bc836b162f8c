/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What top's screen says in little room: cells, the last minute, columns, text that is cut, the state. */
#include "unit.h"

#include <errno.h>
#include <locale.h>
#include <string.h>

#include "cells.h"
#include "fit.h"
#include "health.h"
#include "spark.h"

static void sparks(const float *seconds, unsigned int newest, int cells, const char *levels)
{
    unsigned char level[USERS_SECONDS];

    spark_levels(seconds, newest, cells, level);
    for (int i = 0; i < cells; i++)
        assert_int_equal(level[i], levels[i] - '0');
}

static void sparks_are_scaled_to_the_highest_second(void **state)
{
    (void)state;
    float seconds[USERS_SECONDS] = {0};

    sparks(seconds, 17, 4, "0000");
    seconds[17] = 1e18f; /* the newest */
    sparks(seconds, 17, 4, "0008");
    sparks(seconds, 17, USERS_SECONDS, "000000000000000000000000000000000000000000000000000000000008");
    seconds[18] = 1; /* the oldest: next to nothing is not nothing */
    seconds[33] = 5e17f;
    sparks(seconds, 17, 4, "1408");
    sparks(seconds, 17, USERS_SECONDS, "100000000000000400000000000000000000000000000000000000000008");
    sparks(seconds, 17, 1, "8");
    sparks(seconds, 17, 7, "1400008");
}

static void sparks_of_a_steady_minute_are_all_high(void **state)
{
    (void)state;
    float seconds[USERS_SECONDS];
    unsigned char level[USERS_SECONDS];

    for (size_t i = 0; i < USERS_SECONDS; i++)
        seconds[i] = 1234567;
    for (int cells = 1; cells <= USERS_SECONDS; cells++) {
        spark_levels(seconds, (unsigned int)cells % USERS_SECONDS, cells, level);
        for (int i = 0; i < cells; i++)
            assert_int_equal(level[i], SPARK_LEVELS);
    }
}

static void sparks_have_a_glyph_each(void **state)
{
    (void)state;
    for (unsigned char level = 0; level <= SPARK_LEVELS; level++) {
        assert_int_equal(strlen(spark_glyph(level, false)), 1);
        assert_int_equal(strlen(spark_glyph(level, true)), level ? 3 : 1);
    }
    assert_string_equal(spark_glyph(0, true), " ");
    assert_string_equal(spark_glyph(SPARK_LEVELS, true), "\xE2\x96\x88");
}

static void says(const struct cli *cli, const struct users *users, enum column column, const char *expected)
{
    struct row row = {.uid = 4294967290u,
                      .total = {1536, 1, UINT64_MAX, 2},
                      .rate = {12, 3, 1048576, 4},
                      .blocked = 77,
                      .blocked_rate = 5};
    char text[CELL_LEN];

    cell_text(cli, users, &row, column, text);
    assert_string_equal(text, expected);
}

static void cells_are_short_for_people_and_exact_for_others(void **state)
{
    (void)state;
    const struct cli people = {.human = true}, exact = {0};
    const struct users known = {.has_rates = true, .has_blocked = true}, unknown = {0};

    says(&people, &known, COLUMN_UID, "4294967290");
    says(&people, &known, COLUMN_USER, "4294967290"); /* who has no name */
    says(&people, &known, COLUMN_RX, "12");
    says(&people, &known, COLUMN_TX, "1.0M");
    says(&people, &known, COLUMN_PACKETS, "7");
    says(&people, &known, COLUMN_RX_TOTAL, "1.5K");
    says(&people, &known, COLUMN_TX_TOTAL, "16.0E");
    says(&people, &known, COLUMN_BLOCKED, "5");
    says(&people, &known, COLUMN_BLOCKED_TOTAL, "77");
    says(&exact, &known, COLUMN_TX, "1048576");
    says(&exact, &known, COLUMN_TX_TOTAL, "18446744073709551615");
    says(&exact, &unknown, COLUMN_TX, "-");
    says(&exact, &unknown, COLUMN_PACKETS, "-");
    says(&exact, &unknown, COLUMN_BLOCKED_TOTAL, "-");
    says(&exact, &unknown, COLUMN_RX_TOTAL, "1536");
}

static void cells_of_the_last_minute(void **state)
{
    (void)state;
    const struct users users = {.newest = 0};
    const struct row row = {.seconds = {8, 1}}; /* the newest, and the oldest */
    char text[3 * USERS_SECONDS + 1];

    cell_spark(&users, &row, 3, false, text);
    assert_string_equal(text, "_ #");
    cell_spark(&users, &row, 3, true, text);
    assert_string_equal(text, "\xE2\x96\x81 \xE2\x96\x88");
}

/* What is shown fits, is not broken up, and leaves nothing out that more room would show less of. */
static void columns_fit_any_width(void **state)
{
    (void)state;
    struct layout layout = {0};
    int shown_before = 0;

    layout_need(&layout, COLUMN_TX_TOTAL, 20);
    layout_need(&layout, COLUMN_USER, 99);
    for (int width = 1; width <= 300; width++) {
        int used = -1, shown = 0;
        layout_choose(&layout, width, false);
        for (enum column column = 0; column < COLUMNS; column++) {
            used += layout.width[column] ? layout.width[column] + 1 : 0;
            shown += layout.width[column] > 0;
        }
        assert_in_range(used, 1, width);
        assert_true(shown >= shown_before && layout.width[COLUMN_USER] > 0);
        assert_true(layout.width[COLUMN_SPARK] <= USERS_SECONDS);
        shown_before = shown;
    }
    assert_int_equal(shown_before, COLUMNS);
    assert_int_equal(layout.width[COLUMN_TX_TOTAL], 20);
    layout_choose(&layout, 300, true);
    assert_int_equal(layout.width[COLUMN_USER], 0);
    assert_true(layout.width[COLUMN_UID] > 0);
}

static void columns_of_80_show_all(void **state)
{
    (void)state;
    struct layout layout = {0};

    for (enum column column = 0; column < COLUMN_SPARK; column++)
        layout_need(&layout, column, column == COLUMN_USER ? 10 : 6);
    layout_choose(&layout, 80, false);
    for (enum column column = 0; column < COLUMNS; column++)
        assert_true(layout.width[column] > 0);
}

static void fits(const char *text, int width, const wchar_t *expected, int columns)
{
    wchar_t wide[FIT_LEN];

    assert_int_equal(fit_cut(text, width, wide), columns);
    assert_int_equal(wcscmp(wide, expected), 0);
}

static void text_is_cut_by_columns(void **state)
{
    (void)state;
    static char longest[FIT_LEN + 100];

    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    fits("alice", 5, L"alice", 5);
    fits("alice", 4, L"ali~", 4);
    fits("alice", 1, L"~", 1);
    fits("alice", 0, L"", 0);
    fits("", 0, L"", 0);
    fits("\xE4\xB8\xAD\xE6\x96\x87x", 5, L"\x4E2D\x6587x", 5); /* two columns each */
    fits("\xE4\xB8\xAD\xE6\x96\x87x", 4, L"\x4E2D~", 3);
    fits("\xE4\xB8\xAD\xE6\x96\x87", 2, L"~", 1);
    fits("e\xCC\x81z", 2, L"e\x0301z", 2); /* a mark that takes no column of its own */
    fits("a\xFF\x01"
         "b",
         9, L"a??b", 4);
    assert_int_equal(fit_width("\xE4\xB8\xAD"), 2);
    memset(longest, 'x', sizeof(longest) - 1);
    assert_int_equal(fit_width(longest), FIT_LEN - 1);
    assert_non_null(setlocale(LC_CTYPE, "C"));
    fits("\xC3\xA9", 9, L"??", 2);
}

static void healthy(const struct tctl_status *status, enum tctl_health level, const char *text)
{
    const struct tctl_backend backend = {.name = "bpf"};
    struct health health;

    health_judge(status, &backend, &health);
    assert_int_equal(health.level, level);
    assert_string_equal(health.text, text);
}

static void health_says_why(void **state)
{
    (void)state;
    struct tctl_status status = {.health = TCTL_OK, .daemon_pid = 7, .netfilter = "off"};
    const struct tctl_backend nft = {.name = "nft", .lack_count = 1};
    struct health health;

    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        status.programs[i].name = "egress_prog";
    healthy(&status, TCTL_OK, "ok");
    status.lost[0].packets = UINT64_MAX;
    status.lost[4].packets = 3;
    healthy(&status, TCTL_DEGRADED, "ok, LOST 18446744073709551615 packets");
    status.lost[0].packets = 0;
    status.daemon_pid = 0;
    status.health = TCTL_DEGRADED;
    healthy(&status, TCTL_DEGRADED, "DEGRADED, LOST 3 packets: trafficd is not running");
    health_judge(&status, &nft, &health);
    assert_string_equal(health.text, "DEGRADED, LOST 3 packets: trafficd is not running: nft cannot all of it");
    status.programs[1].wanted = true;
    status.health = TCTL_DOWN;
    status.lost[4].packets = 0;
    healthy(&status, TCTL_DOWN, "DOWN: trafficd is not running: egress_prog is not attached");
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        status.places[i].name = "a place with a long name";
    status.netfilter = "link";
    health_judge(&status, &nft, &health); /* more than there is room for */
    assert_int_equal(strlen(health.text), sizeof(health.text) - 1);
}

static void health_of_what_cannot_be_read(void **state)
{
    (void)state;
    struct health health;

    health_unknown(-ENOENT, "/sys/fs/bpf", &health);
    assert_int_equal(health.level, TCTL_DOWN);
    assert_string_equal(health.text, "NOTHING COUNTS: no pins in /sys/fs/bpf");
    health_unknown(-EACCES, "/x", &health);
    assert_string_equal(health.text, "CANNOT READ /x: Permission denied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparks_are_scaled_to_the_highest_second),
        cmocka_unit_test(sparks_of_a_steady_minute_are_all_high),
        cmocka_unit_test(sparks_have_a_glyph_each),
        cmocka_unit_test(cells_are_short_for_people_and_exact_for_others),
        cmocka_unit_test(cells_of_the_last_minute),
        cmocka_unit_test(columns_fit_any_width),
        cmocka_unit_test(columns_of_80_show_all),
        cmocka_unit_test(text_is_cut_by_columns),
        cmocka_unit_test(health_says_why),
        cmocka_unit_test(health_of_what_cannot_be_read),
    };

    return unit_run(tests);
}
