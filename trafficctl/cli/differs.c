/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "differs.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "format.h"
#include "wall.h"

#define FIRST_ROOM 64

void differs_done(struct differs *differs)
{
    free(differs->rows);
}

/* There may be more of them at the second look. */
static int find_all(struct tctl_firewall *firewall, struct differs *differs)
{
    size_t room = FIRST_ROOM;

    for (;;) {
        struct tctl_difference *rows = reallocarray(differs->rows, room, sizeof(*rows));
        if (!rows)
            return -ENOMEM;
        differs->rows = rows;
        int r = tctl_firewall_differences(firewall, rows, room, &differs->count);
        if (r < 0 || differs->count <= room)
            return r;
        room = differs->count + FIRST_ROOM;
    }
}

static enum cli_status cannot_compare(struct differs *differs, const struct tctl_firewall *firewall, int err)
{
    const char *problem = firewall ? tctl_firewall_problem(firewall) : "";
    struct tctl_difference *row = calloc(1, sizeof(*row));

    if (!row)
        return cli_failed("out of memory");
    snprintf(row->what, sizeof(row->what), "firewall");
    snprintf(row->asked, sizeof(row->asked), "to be compared");
    snprintf(row->holds, sizeof(row->holds), "%s", *problem ? problem : strerror(-err));
    free(differs->rows);
    *differs = (struct differs){.compared = true, .rows = row, .count = 1};
    return CLI_DONE;
}

enum cli_status differs_find(const struct cli *cli, struct differs *differs)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    int r = tctl_firewall_open(cli->bpffs, &firewall);

    if (r == -EACCES || r == -EPERM)
        return CLI_DONE;
    if (r == 0)
        r = find_all(firewall, differs);
    if (r < 0)
        return cannot_compare(differs, firewall, r);
    differs->compared = true;
    return CLI_DONE;
}

enum cli_status differs_add_places(struct differs *differs, const struct tctl_status *now)
{
    if (!differs->compared || !strcmp(now->netfilter, "off"))
        return CLI_DONE;
    struct tctl_difference *rows =
        reallocarray(differs->rows, differs->count + TCTL_STATUS_PLACES, sizeof(*differs->rows));
    if (!rows)
        return cli_failed("out of memory");
    differs->rows = rows;
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++) {
        struct tctl_difference *row = &rows[differs->count];
        if (now->places[i].counted)
            continue;
        *row = (struct tctl_difference){.asked = "counted", .holds = "not counted"};
        snprintf(row->what, sizeof(row->what), "interfaces %s", now->places[i].name);
        differs->count++;
    }
    return CLI_DONE;
}

json_t *differs_json(const struct differs *differs)
{
    json_t *array = differs->compared ? json_array() : json_null();

    for (size_t i = 0; i < differs->count; i++) {
        const struct tctl_difference *row = &differs->rows[i];
        array = print_json_append(array, json_pack("{s:o, s:o, s:o}", "what", print_json_text(row->what), "asked",
                                                   print_json_text(row->asked), "holds", print_json_text(row->holds)));
    }
    return array;
}

static void add_text(struct table *table, const char *bytes)
{
    _cleanup_free_ char *text = format_utf8(bytes);

    table_add(table, "%s", text ?: "?");
}

enum cli_status differs_print(const struct cli *cli, const struct differs *differs)
{
    struct table table = {0};

    if (!differs->count) {
        puts(differs->compared ? "as asked for: yes, rules and programs"
                               : "as asked for: only root can compare rules and programs");
        return CLI_DONE;
    }
    table_column(&table, "DIFFERS", false);
    table_column(&table, "ASKED FOR", false);
    table_column(&table, "HOLDS", false);
    for (size_t i = 0; i < differs->count; i++) {
        add_text(&table, differs->rows[i].what);
        add_text(&table, differs->rows[i].asked);
        add_text(&table, differs->rows[i].holds);
    }
    return print_table(cli, &table);
}
