/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficctl prints. */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "entries.h"
#include "format.h"
#include "print.h"
#include "table.h"

/* One word for whoever splits at blanks, and no piece of a character or of an \xNN at its end. */
static void format_words(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t max;
        const char *word;
    } CASES[] = {
        {"", SIZE_MAX, ""},
        {"eth0", SIZE_MAX, "eth0"},
        {"a b\t\r\nc", SIZE_MAX, "a\\x20b\\x09\\x0d\\x0ac"},
        {"\xC3\xA9\xE2\x82\xAC", SIZE_MAX, "\xC3\xA9\xE2\x82\xAC"},
        {"\xC2\xA0", SIZE_MAX, "\\xc2\\xa0"},
        {"\xE2\x80\x83", SIZE_MAX, "\\xe2\\x80\\x83"},
        {"\xE2\x80\xA8", SIZE_MAX, "\\xe2\\x80\\xa8"},
        {"\xE3\x80\x80", SIZE_MAX, "\\xe3\\x80\\x80"},
        {"\xE2\x80\x93", SIZE_MAX, "\xE2\x80\x93"}, /* a dash */
        {"\xFF", SIZE_MAX, "\\xff"},
        {"abcd", 4, "abcd"},
        {"abcd", 3, "abc"},
        {"ab cd", 5, "ab"},
        {"ab cd", 6, "ab\\x20"},
        {"ab cd", 7, "ab\\x20c"},
        {"a\xC3\xA9", 2, "a"},
        {"a\xC3\xA9", 3, "a\xC3\xA9"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        char *word = format_word(CASES[i].bytes, CASES[i].max);
        assert_string_equal(word, CASES[i].word);
        free(word);
    }
}

static void format_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *human, *exact;
    } CASES[] = {
        {0, "0 B", "0"},
        {1023, "1023 B", "1023"},
        {1024, "1.0 KiB", "1024"},
        {1536, "1.5 KiB", "1536"},
        {1048575, "1.0 MiB", "1048575"},
        {UINT64_C(5) << 30, "5.0 GiB", "5368709120"},
        {UINT64_MAX, "16.0 EiB", "18446744073709551615"},
    };
    char text[FORMAT_LEN];

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        format_size(CASES[i].bytes, true, text);
        assert_string_equal(text, CASES[i].human);
        format_size(CASES[i].bytes, false, text);
        assert_string_equal(text, CASES[i].exact);
    }
}

static void format_foreign_bytes(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", ""},
        {"eth0", "eth0"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xA7", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xA7"},
        {"a\xFF"
         "b",
         "a\\xffb"},
        {"\xC0\xAF", "\\xc0\\xaf"},          /* overlong */
        {"\xE0\x80\x80", "\\xe0\\x80\\x80"}, /* overlong */
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
        {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xE2\x82", "\\xe2\\x82"}, /* cut */
        {"\xC3", "\\xc3"},
        {"\033[2J\n", "\\x1b[2J\\x0a"},
        {"\xC2\x9B"
         "1",
         "\\xc2\\x9b"
         "1"},
        {"\x7F", "\\x7f"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        char *text = format_utf8(CASES[i][0]);
        assert_string_equal(text, CASES[i][1]);
        free(text);
    }
}

static void format_moments(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } CASES[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999999, "1970-01-01T00:00:00.000Z"},
        {UINT64_C(1709251199) * 1000000000 + 7000000, "2024-02-29T23:59:59.007Z"},
        {UINT64_C(4102444800) * 1000000000 + 999999999, "2100-01-01T00:00:00.999Z"},
    };
    char text[FORMAT_LEN];

    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        format_moment(CASES[i].ns, text);
        assert_string_equal(text, CASES[i].text);
    }
}

static void format_saturates(void **state)
{
    (void)state;
    assert_int_equal(format_saturated(INT64_MAX), INT64_MAX);
    assert_int_equal(format_saturated((uint64_t)INT64_MAX + 1), INT64_MAX);
    assert_int_equal(format_saturated(UINT64_MAX), INT64_MAX);
    assert_int_equal(format_saturated(7), 7);
}

static void format_names_users(void **state)
{
    (void)state;
    char *root = format_user(0);

    assert_string_equal(root, "root");
    free(root);
    assert_null(format_user(4294967290u));
}

static void tables_align(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    struct table table = {0};

    table_column(&table, "NAME", false);
    table_column(&table, "N", true);
    table_column(&table, "LAST", false);
    assert_int_equal(table_print(&table, false, out), 0);
    assert_int_equal(table_print(&table, true, out), 0);
    table_add(&table, "\xC3\xA9");
    table_add(&table, "%d", 123);
    table_add(&table, "x");
    assert_int_equal(table_print(&table, false, out), 0);
    for (int i = 0; i < 300; i++)
        table_add(&table, "z");
    assert_int_equal(table_print(&table, true, out), 0);
    table_done(&table);
    fclose(out);
    static const char EXPECTED[] = "NAME  N  LAST\n"
                                   "\xC3\xA9  123  x\n"
                                   "NAME    N  LAST\n"
                                   "\xC3\xA9     123  x\n"
                                   "z       z  z\n";
    assert_memory_equal(text, EXPECTED, sizeof(EXPECTED) - 1);
    free(text);
}

static void json_counters_saturate(void **state)
{
    (void)state;
    const struct tctl_counters counters = {UINT64_MAX, 1, 2, 3};
    json_t *row = print_json_counters(json_pack("{s:o}", "iface", print_json_text("a\xFF")), &counters);
    char *text = json_dumps(row, JSON_COMPACT);

    assert_string_equal(text, "{\"iface\":\"a\\\\xff\",\"rx_bytes\":9223372036854775807,\"rx_packets\":1,"
                              "\"tx_bytes\":2,\"tx_packets\":3}");
    free(text);
    json_decref(row);
    assert_null(print_json_counters(NULL, &counters));
    assert_null(print_json_append(json_array(), NULL));
}

static void json_users_without_a_name_are_null(void **state)
{
    (void)state;
    json_t *named = print_json_user(&(struct cli){0}, 0);
    json_t *unnamed = print_json_user(&(struct cli){0}, 4294967290u);
    json_t *numeric = print_json_user(&(struct cli){.numeric = true}, 0);

    assert_string_equal(json_string_value(named), "root");
    assert_true(json_is_null(unnamed));
    assert_true(json_is_null(numeric));
    json_decref(named);
}

static void print_lists_uids(const struct cli *cli, size_t count, size_t max, const char *expected)
{
    static const uint32_t UIDS[] = {0, 4294967290u, 4294967291u};
    char *text = print_uid_list(cli, UIDS, count, max);

    assert_string_equal(text, expected);
    free(text);
}

static void uid_lists_have_names_and_an_end(void **state)
{
    (void)state;
    const struct cli named = {0}, numeric = {.numeric = true};

    print_lists_uids(&named, 0, 5, "");
    print_lists_uids(&named, 2, 5, "0(root) 4294967290");
    print_lists_uids(&numeric, 3, 3, "0 4294967290 4294967291");
    print_lists_uids(&named, 3, 1, "0(root) and 2 more");
}

static void sums_do_not_wrap(void **state)
{
    (void)state;
    struct tctl_counters sum = {1, 2, 3, UINT64_MAX - 1};

    counters_add(&sum, &(struct tctl_counters){10, 20, 30, 2});
    assert_int_equal(sum.rx_bytes, 11);
    assert_int_equal(sum.rx_packets, 22);
    assert_int_equal(sum.tx_bytes, 33);
    assert_int_equal(sum.tx_packets, UINT64_MAX);
}

static void sums_of_interfaces_that_are_named_alike_do_not_wrap(void **state)
{
    (void)state;
    const struct tctl_detail_row rows[] = {{.iface = "a", .counters = {.rx_bytes = UINT64_MAX - 1, .tx_packets = 2}},
                                           {.iface = "a", .counters = {.rx_bytes = 2, .tx_packets = 3}}};
    _cleanup_entries_ struct entries entries = {0};

    assert_int_equal(entries_of_details(rows, 2, &entries), 0);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.all->counters.rx_bytes, UINT64_MAX);
    assert_int_equal(entries.all->counters.tx_packets, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_sizes),
        cmocka_unit_test(format_words),
        cmocka_unit_test(format_foreign_bytes),
        cmocka_unit_test(format_moments),
        cmocka_unit_test(format_saturates),
        cmocka_unit_test(sums_do_not_wrap),
        cmocka_unit_test(sums_of_interfaces_that_are_named_alike_do_not_wrap),
        cmocka_unit_test(format_names_users),
        cmocka_unit_test(tables_align),
        cmocka_unit_test(json_counters_saturate),
        cmocka_unit_test(json_users_without_a_name_are_null),
        cmocka_unit_test(uid_lists_have_names_and_an_end),
    };

    return unit_run(tests);
}
