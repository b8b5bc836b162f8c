/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "lacking.h"

#include "cleanup.h"
#include "format.h"

json_t *lacking_json(const struct tctl_backend *backend)
{
    json_t *array = json_array();

    for (size_t i = 0; i < backend->lack_count; i++)
        array = print_json_append(
            array, json_pack("{s:s, s:s}", "name", backend->lacks[i].name, "lost", backend->lacks[i].lost));
    return json_pack("{s:s?, s:o, s:o}", "name", backend->name, "why",
                     *backend->why ? print_json_text(backend->why) : json_null(), "lacks", array);
}

void lacking_print_name(const struct tctl_backend *backend)
{
    _cleanup_free_ char *why = format_utf8(backend->why);

    fputs(backend->name ?: "none", stdout);
    if (*backend->why)
        printf(", since %s", why ?: "?");
    putchar('\n');
}

enum cli_status lacking_print(const struct cli *cli, const struct tctl_backend *backend)
{
    struct table table = {0};

    if (!backend->lack_count)
        return CLI_DONE;
    table_column(&table, "LACKING", false);
    table_column(&table, "WHAT IS LOST", false);
    for (size_t i = 0; i < backend->lack_count; i++) {
        table_add(&table, "%s", backend->lacks[i].name);
        table_add(&table, "%s", backend->lacks[i].lost);
    }
    putchar('\n');
    return print_table(cli, &table);
}
