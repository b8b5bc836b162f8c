/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check */
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "cmd.h"
#include "loader.h"
#include "print.h"

/* The groups reach their pins only through a bpffs that they may search; systemd mounts it 0700. */
static struct requirement search_requirement(const struct cli *cli)
{
    struct stat bpffs;

    return (struct requirement){
        .name = "bpffs search permission",
        .ok = stat(cli->bpffs, &bpffs) == 0 && bpffs.st_mode & S_IXOTH,
        .needed_for = "members of read_group reading the counters (trafficd grants it unless bpffs_search = no)",
    };
}

static json_t *requirement_json(const struct requirement *one)
{
    return json_pack("{s:s, s:b, s:s}", "name", one->name, "ok", one->ok, "needed_for", one->needed_for);
}

static enum cli_status print_requirements_json(const struct requirement *all, size_t count,
                                               const struct requirement *search)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        array = print_json_append(array, requirement_json(&all[i]));
    array = print_json_append(array, requirement_json(search));
    return print_json_document(json_pack("{s:o}", "requirements", array));
}

static void add_requirement(struct table *table, const struct requirement *one)
{
    table_add(table, "%s", one->name);
    table_add(table, "%s", one->ok ? "yes" : one->required ? "NO" : "no");
    table_add(table, "%s", one->needed_for);
}

static enum cli_status print_requirements(const struct cli *cli, const struct requirement *all, size_t count,
                                          const struct requirement *search)
{
    struct table table = {0};

    table_column(&table, "REQUIREMENT", false);
    table_column(&table, "OK", false);
    table_column(&table, "NEEDED FOR", false);
    for (size_t i = 0; i < count; i++)
        add_requirement(&table, &all[i]);
    add_requirement(&table, search);
    return print_table(cli, &table);
}

static bool can_count(const struct requirement *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].required && !all[i].ok)
            return false;
    return true;
}

enum cli_status cmd_check(const struct cli *cli, int argc, char **argv)
{
    _cleanup_free_ struct requirement *all = NULL;
    struct requirement search = search_requirement(cli);
    struct fault fault = {0};
    size_t count = 0;
    int r = loader_probe(&all, &count, &fault);

    (void)argc;
    (void)argv;
    if (r < 0)
        return cli_failed("cannot try what this kernel has: %s", *fault.text ? fault.text : strerror(-r));
    enum cli_status status =
        cli->json ? print_requirements_json(all, count, &search) : print_requirements(cli, all, count, &search);
    if (status != CLI_DONE)
        return status;
    return can_count(all, count) ? CLI_DONE : CLI_DEGRADED;
}
