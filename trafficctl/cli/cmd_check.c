/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "cmd.h"
#include "lacking.h"
#include "loader.h"
#include "print.h"

struct found {
    struct requirement *all;
    size_t count;
    struct requirement search;
    struct tctl_backend backend; /* without a name: none can be had, and why */
};

static void found_done(struct found *found)
{
    free(found->all);
}

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
    return json_pack("{s:s, s:b, s:s, s:s?}", "name", one->name, "ok", one->ok, "needed_for", one->needed_for,
                     "required_by", one->required ? load_backend_name(one->required) : NULL);
}

static enum cli_status print_found_json(const struct found *found)
{
    json_t *array = json_array();

    for (size_t i = 0; i < found->count; i++)
        array = print_json_append(array, requirement_json(&found->all[i]));
    array = print_json_append(array, requirement_json(&found->search));
    return print_json_document(
        json_pack("{s:o, s:o}", "requirements", array, "backend", lacking_json(&found->backend)));
}

/* What only the other backend cannot do without is no alarm. */
static void add_requirement(struct table *table, const struct requirement *one, bool counts)
{
    bool alarm = one->required == LOAD_BACKEND_BPF || (one->required && !counts);

    table_add(table, "%s", one->name);
    table_add(table, "%s", one->ok ? "yes" : alarm ? "NO" : "no");
    table_add(table, "%s", one->needed_for);
}

static enum cli_status print_found(const struct cli *cli, const struct found *found)
{
    struct table table = {0};

    table_column(&table, "REQUIREMENT", false);
    table_column(&table, "OK", false);
    table_column(&table, "NEEDED FOR", false);
    for (size_t i = 0; i < found->count; i++)
        add_requirement(&table, &found->all[i], found->backend.name);
    add_requirement(&table, &found->search, true);
    enum cli_status status = print_table(cli, &table);
    if (status != CLI_DONE)
        return status;
    fputs("\nbackend (auto): ", stdout);
    lacking_print_name(&found->backend);
    return lacking_print(cli, &found->backend);
}

/* That neither can be had is an answer, too. */
static int find(const struct cli *cli, struct found *ret_found, struct fault *fault)
{
    struct found found = {.search = search_requirement(cli)};
    int r = loader_probe(&found.all, &found.count, fault);

    if (r < 0)
        return r;
    r = loader_would_take(cli->bpffs, &found.backend, fault);
    if (r < 0)
        snprintf(found.backend.why, sizeof(found.backend.why), "%.255s", *fault->text ? fault->text : strerror(-r));
    *ret_found = found;
    return 0;
}

static bool has_all(const struct found *found, enum load_backend backend)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->all[i].required == backend && !found->all[i].ok)
            return false;
    return true;
}

enum cli_status cmd_check(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(found_done) struct found found = {0};
    struct fault fault = {0};
    int r = find(cli, &found, &fault);

    (void)argc;
    (void)argv;
    if (r < 0)
        return cli_failed("cannot try what this kernel has: %s", *fault.text ? fault.text : strerror(-r));
    enum cli_status status = cli->json ? print_found_json(&found) : print_found(cli, &found);
    if (status != CLI_DONE)
        return status;
    return has_all(&found, LOAD_BACKEND_BPF) || has_all(&found, LOAD_BACKEND_NFT) ? CLI_DONE : CLI_DEGRADED;
}
