/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "results.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "report.h"

/* One run has one report. tables[]: figures[], points[], missing[], ratios[], numbers[] and notes[] of each. */
static json_t *tables, *current;

void results_table(const struct table *table)
{
    if (!tables)
        tables = json_array();
    current = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:[], s:[], s:[], s:[], s:[], s:[]}", "id", table->id, "title",
                        table->title, "unit", table->unit, "how", table->how, "x", table->x, "better",
                        table->better == LESS ? "less" : "more", "figures", "points", "missing", "ratios", "numbers",
                        "notes");
    json_array_append_new(tables, current);
    printf("\n%s\n  %s\n", table->title, table->how);
}

/* JSON has no infinity, and no entry with one. */
static void add(const char *list, json_t *entry)
{
    if (json_array_append_new(json_object_get(current, list), entry) < 0)
        fprintf(stderr, "bench: a figure of the table \"%s\" is no number\n",
                json_string_value(json_object_get(current, "title")));
}

/* median, low, high and rounds of a figure. */
static json_t *pack(const struct figure *figure)
{
    json_t *rounds = json_array();

    for (int i = 0; i < ROUNDS; i++)
        json_array_append_new(rounds, json_real(figure->round[i]));
    return json_pack("{s:f, s:f, s:f, s:o}", "median", figure->median, "low", figure->low, "high", figure->high,
                     "rounds", rounds);
}

static int decimals(double value)
{
    return fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : fabs(value) >= 1 ? 2 : 3;
}

static void print_figure(const char *name, const struct figure *figure)
{
    int digits = decimals(figure->median);

    printf("  %-44s %14.*f %s (%.*f to %.*f)\n", name, digits, figure->median,
           json_string_value(json_object_get(current, "unit")), digits, figure->low, digits, figure->high);
}

void results_figure(const char *name, const struct figure *figure)
{
    json_t *entry = pack(figure);

    json_object_set_new(entry, "name", json_string(name));
    add("figures", entry);
    print_figure(name, figure);
}

void results_point(const char *line, double x, const struct figure *figure)
{
    json_t *entry = pack(figure);
    char name[96];

    json_object_set_new(entry, "line", json_string(line));
    json_object_set_new(entry, "x", json_real(x));
    add("points", entry);
    snprintf(name, sizeof(name), "%s, %g %s", line, x, json_string_value(json_object_get(current, "x")));
    print_figure(name, figure);
}

void results_missing(const char *name, const char *why)
{
    add("missing", json_pack("{s:s, s:s}", "name", name, "why", why));
    printf("  %-44s not here: %s\n", name, why);
}

static bool holds(const struct aim *aim, double value)
{
    return aim->side == LESS ? value <= aim->bound : value >= aim->bound;
}

/* The aim's bound and what came of it, in an entry that has neither. */
static void add_aim(json_t *entry, const struct aim *aim, bool reached)
{
    if (!aim)
        return;
    json_object_set_new(entry, "aim",
                        json_pack("{s:s, s:f}", "side", aim->side == LESS ? "≤" : "≥", "bound", aim->bound));
    json_object_set_new(entry, "reached", json_boolean(reached));
}

static void print_aim(const struct aim *aim, bool reached)
{
    if (aim)
        printf("   aim %s %g: %s", aim->side == LESS ? "≤" : "≥", aim->bound, reached ? "reached" : "NOT reached");
    puts("");
}

void results_ratio(const char *what, const struct figure *ratio, const struct aim *aim)
{
    bool said = ratio->high - ratio->low <= fabs(1 - ratio->median);
    double judged = said || !aim ? ratio->median : aim->side == LESS ? ratio->high : ratio->low;
    bool reached = aim && holds(aim, judged);
    json_t *entry = pack(ratio);

    json_object_set_new(entry, "what", json_string(what));
    json_object_set_new(entry, "said", json_boolean(said));
    add_aim(entry, aim, reached);
    add("ratios", entry);
    if (said)
        printf("  %-44s %14.2f (%.2f to %.2f)", what, ratio->median, ratio->low, ratio->high);
    else
        printf("  %-44s       not said: its spread, %.2f to %.2f, is larger than its distance from 1", what, ratio->low,
               ratio->high);
    print_aim(aim, reached);
}

void results_number(const char *what, double value, const char *unit, const struct aim *aim)
{
    bool reached = aim && holds(aim, value);
    json_t *entry = json_pack("{s:s, s:f, s:s}", "what", what, "value", value, "unit", unit);

    add_aim(entry, aim, reached);
    add("numbers", entry);
    printf("  %-44s %14.*f %s", what, decimals(value), value, unit);
    print_aim(aim, reached);
}

void results_note(const char *text)
{
    add("notes", json_string(text));
    printf("  %s\n", text);
}

static double real_of(const json_t *entry, const char *name)
{
    return json_real_value(json_object_get(entry, name));
}

static const char *text_of(const json_t *entry, const char *name)
{
    return json_string_value(json_object_get(entry, name));
}

static void print_entry_with_aim(const json_t *table, const json_t *entry)
{
    const json_t *aim = json_object_get(entry, "aim"), *said = json_object_get(entry, "said");
    char figure[64];

    if (!aim)
        return;
    if (!said)
        snprintf(figure, sizeof(figure), "%g %s", real_of(entry, "value"), text_of(entry, "unit"));
    else if (json_is_true(said))
        snprintf(figure, sizeof(figure), "%.2f", real_of(entry, "median"));
    else
        snprintf(figure, sizeof(figure), "not said, %.2f to %.2f", real_of(entry, "low"), real_of(entry, "high"));
    printf("  %-40.40s %-40.40s %-24s %s %-5g %s\n", text_of(table, "title"), text_of(entry, "what"), figure,
           text_of(aim, "side"), real_of(aim, "bound"),
           json_is_true(json_object_get(entry, "reached")) ? "reached" : "NOT reached");
}

static void print_aims_of(const json_t *table, const char *list)
{
    const json_t *entries = json_object_get(table, list);

    for (size_t i = 0; i < json_array_size(entries); i++)
        print_entry_with_aim(table, json_array_get(entries, i));
}

static void print_aims(void)
{
    puts("\nEvery aim beside its figure");
    for (size_t i = 0; i < json_array_size(tables); i++) {
        print_aims_of(json_array_get(tables, i), "ratios");
        print_aims_of(json_array_get(tables, i), "numbers");
    }
}

int results_end(const char *folder)
{
    int r;

    if (!tables)
        return 0;
    print_aims();
    r = report_write(folder, tables);
    json_decref(tables);
    tables = current = NULL;
    return r;
}
