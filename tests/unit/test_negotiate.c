/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which format a client of the exporter gets. */
#include "unit.h"

#include "negotiate.h"

struct row {
    enum text_format format;
    const char *accept, *more; /* NULL: no such header */
};

static void check(const struct row *row)
{
    struct negotiate negotiate = {0};

    if (row->accept)
        negotiate_read(&negotiate, row->accept);
    if (row->more)
        negotiate_read(&negotiate, row->more);
    if (negotiate_choose(&negotiate) != row->format)
        fail_msg("'%s', '%s' gives format %d, not %d", row->accept ?: "-", row->more ?: "-",
                 negotiate_choose(&negotiate), row->format);
}

#define CHECK(rows)                                                                                                    \
    for (size_t i = 0; i < sizeof(rows) / sizeof(*(rows)); i++)                                                        \
    check(&(rows)[i])

static void what_clients_send(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {TEXT_PLAIN, NULL},
        {TEXT_PLAIN, "*/*"},
        {TEXT_PLAIN, "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"},
        /* Prometheus 2.42 and 3 */
        {TEXT_OPENMETRICS, "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
                           "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
        {TEXT_OPENMETRICS, "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                           "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
                           "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"},
        {TEXT_PLAIN, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
        {TEXT_PLAIN, "text/plain;version=0.0.4;q=1,*/*;q=0.1"},
    };
    CHECK(ROWS);
}

static void the_better_quality_wins(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {TEXT_OPENMETRICS, "application/openmetrics-text"},
        {TEXT_OPENMETRICS, "text/plain;q=0.5, application/openmetrics-text;q=0.501"},
        {TEXT_PLAIN, "text/plain;q=0.5, application/openmetrics-text;q=0.499"},
        {TEXT_PLAIN, "application/openmetrics-text;q=0, text/plain;q=0.001"},
        {TEXT_OPENMETRICS, "text/plain;q=0, application/openmetrics-text;q=0.001"},
        {TEXT_PLAIN, "application/openmetrics-text, text/plain"},
        {TEXT_OPENMETRICS, "application/openmetrics-text, */*"},
        {TEXT_OPENMETRICS, "text/plain;q=0.4", "application/openmetrics-text;q=0.6"},
    };
    CHECK(ROWS);
}

/* One that is named precisely is not what a wildcard says. */
static void the_more_precise_range_counts(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {TEXT_PLAIN, "*/*;q=1, application/openmetrics-text;q=0.1"},
        {TEXT_PLAIN, "application/openmetrics-text;q=0.1, */*;q=1"},
        {TEXT_OPENMETRICS, "text/*;q=0.2, application/*;q=0.3"},
        {TEXT_PLAIN, "application/*;q=0.9, application/openmetrics-text;q=0.2, text/plain;q=0.3"},
        {TEXT_OPENMETRICS, "application/openmetrics-text;q=0.1, application/openmetrics-text;version=1.0.0;q=0.9, "
                           "text/plain;q=0.5"},
        {TEXT_OPENMETRICS, "*/*;q=0.9, text/plain;q=0"},
    };
    CHECK(ROWS);
}

static void other_versions_are_other_formats(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {TEXT_PLAIN, "application/openmetrics-text;version=0.0.1"},
        {TEXT_PLAIN, "application/openmetrics-text;version=2.0.0, text/plain;q=0.1"},
        {TEXT_OPENMETRICS, "text/plain;version=1.0.0, application/openmetrics-text;version=1.0.0;q=0.1"},
        {TEXT_OPENMETRICS, "application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"},
    };
    CHECK(ROWS);
}

static void what_is_malformed_is_passed_over(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {TEXT_PLAIN, ""},
        {TEXT_PLAIN, ",;,=;,,/"},
        {TEXT_PLAIN, "application/openmetrics-text;q"},
        {TEXT_PLAIN, "application/openmetrics-text;q="},
        {TEXT_PLAIN, "application/openmetrics-text;q=2"},
        {TEXT_PLAIN, "application/openmetrics-text;q=1.001"},
        {TEXT_PLAIN, "application/openmetrics-text;q=0.1234"},
        {TEXT_PLAIN, "application/openmetrics-text;q=-1"},
        {TEXT_PLAIN, "application/openmetrics-text;q=nan"},
        {TEXT_PLAIN, "application/openmetrics-text;version=\"1.0.0"},
        {TEXT_PLAIN, "xapplication/openmetrics-text, application/openmetrics-textx"},
        {TEXT_OPENMETRICS, "x;y=\"a,\\\",b\", \t APPLICATION/OpenMetrics-Text \t;\tQ=1. ,"},
        {TEXT_PLAIN, "x;y=\"a, application/openmetrics-text"},
    };
    CHECK(ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_clients_send),
        cmocka_unit_test(the_better_quality_wins),
        cmocka_unit_test(the_more_precise_range_counts),
        cmocka_unit_test(other_versions_are_other_formats),
        cmocka_unit_test(what_is_malformed_is_passed_over),
    };

    return unit_run(tests);
}
