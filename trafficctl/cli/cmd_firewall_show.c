/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* firewall show */
#include "cleanup.h"
#include "cmd.h"
#include "format.h"
#include "print.h"
#include "wall.h"

static json_t *uids_json(const uint32_t *uids, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        array = print_json_append(array, json_integer(uids[i]));
    return array;
}

static json_t *chains_json(const struct tctl_firewall_rules *rules)
{
    json_t *array = json_array();

    for (unsigned int i = 1; i <= TCTL_FIREWALL_CHAINS; i++) {
        const struct tctl_firewall_chain *chain = &rules->chains[i];
        array = print_json_append(array,
                                  json_pack("{s:s, s:i, s:s, s:b, s:o}", "name", tctl_chain_name(i), "number", (int)i,
                                            "type", tctl_chain_is_allow_list(i) ? "allow" : "deny", "enabled",
                                            chain->enabled, "uids", uids_json(chain->uids, chain->count)));
    }
    return array;
}

/* From any interface: null. */
static json_t *ifaces_json(const struct tctl_firewall_rules *rules)
{
    json_t *array = json_array();

    for (size_t i = 0; i < rules->iface_count; i++) {
        const struct tctl_firewall_iface *rule = &rules->ifaces[i];
        array = print_json_append(array, json_pack("{s:I, s:o}", "uid", (json_int_t)rule->uid, "iface",
                                                   *rule->iface ? print_json_text(rule->iface) : json_null()));
    }
    return array;
}

static json_t *metered_json(const struct tctl_firewall_rules *rules)
{
    json_t *array = json_array();

    for (size_t i = 0; i < rules->metered_count; i++)
        array = print_json_append(array, print_json_text(rules->metered[i]));
    return array;
}

static enum cli_status print_rules_json(const struct tctl_firewall_rules *rules)
{
    return print_json_document(json_pack(
        "{s:o, s:o, s:o, s:o, s:b}", "chains", chains_json(rules), "iif", ifaces_json(rules), "lockdown",
        uids_json(rules->lockdown, rules->lockdown_count), "metered", metered_json(rules), "closed", rules->closed));
}

static enum cli_status print_chains(const struct cli *cli, const struct tctl_firewall_rules *rules)
{
    struct table table = {0};

    table_column(&table, "CHAIN", false);
    table_column(&table, "NUMBER", true);
    table_column(&table, "TYPE", false);
    table_column(&table, "ENABLED", false);
    table_column(&table, "UIDS", false);
    for (unsigned int i = 1; i <= TCTL_FIREWALL_CHAINS; i++) {
        const struct tctl_firewall_chain *chain = &rules->chains[i];
        _cleanup_free_ char *uids = print_uid_list(cli, chain->uids, chain->count, SIZE_MAX);
        table_add(&table, "%s", tctl_chain_name(i));
        table_add(&table, "%u", i);
        table_add(&table, "%s", tctl_chain_is_allow_list(i) ? "allow" : "deny");
        table_add(&table, "%s", chain->enabled ? "yes" : "no");
        table_add(&table, "%s", !uids ? "?" : *uids ? uids : "-");
    }
    return print_table(cli, &table);
}

/* Only where there are such rules; they are few. */
static void print_iface_rules(const struct cli *cli, const struct tctl_firewall_rules *rules)
{
    _cleanup_free_ char *locked = print_uid_list(cli, rules->lockdown, rules->lockdown_count, SIZE_MAX);

    if (rules->iface_count || rules->lockdown_count || rules->metered_count)
        putchar('\n');
    for (size_t i = 0; i < rules->iface_count; i++) {
        _cleanup_free_ char *user = print_uid_list(cli, &rules->ifaces[i].uid, 1, 1);
        _cleanup_free_ char *iface = format_utf8(rules->ifaces[i].iface);
        printf("iif: %s receives from %s\n", user ?: "?", !iface ? "?" : *iface ? iface : "any interface");
    }
    if (rules->lockdown_count)
        printf("lockdown: %s\n", locked ?: "?");
    for (size_t i = 0; i < rules->metered_count; i++) {
        _cleanup_free_ char *iface = format_utf8(rules->metered[i]);
        printf("metered: %s\n", iface ?: "?");
    }
}

static enum cli_status print_rules(const struct cli *cli, const struct tctl_firewall_rules *rules)
{
    if (rules->closed)
        puts("closed: the saved policy could not be read, and so nobody passes whom the firewall may judge: repair it, "
             "then 'trafficctl firewall restore'\n");
    enum cli_status status = print_chains(cli, rules);
    if (status == CLI_DONE)
        print_iface_rules(cli, rules);
    return status;
}

enum cli_status cmd_firewall_show(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    _cleanup_(tctl_firewall_rules_done) struct tctl_firewall_rules rules = {0};
    enum cli_status status = wall_open(cli, &firewall);

    (void)argc;
    (void)argv;
    if (status == CLI_DONE)
        status = wall_ended(firewall, tctl_firewall_read(firewall, &rules));
    if (status != CLI_DONE)
        return status;
    return cli->json ? print_rules_json(&rules) : print_rules(cli, &rules);
}
