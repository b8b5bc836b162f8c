/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What changes the firewall: firewall enable, disable, allow, deny, replace, iif, lockdown, restore; iface metered */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "uid_list.h"
#include "wall.h"

static unsigned int flags_of(const struct cli *cli)
{
    return cli_given(cli, "--runtime") ? TCTL_RUNTIME : 0;
}

static enum cli_status switch_chain(const struct cli *cli, const char *text, bool on)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    unsigned int chain = 0;
    enum cli_status status = wall_chain(text, &chain);

    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status != CLI_DONE)
        return status;
    return wall_ended(firewall, tctl_firewall_enable(firewall, chain, on, flags_of(cli)));
}

enum cli_status cmd_firewall_enable(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return switch_chain(cli, argv[1], true);
}

enum cli_status cmd_firewall_disable(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return switch_chain(cli, argv[1], false);
}

static enum cli_status set_rules(const struct cli *cli, int argc, char **argv, bool allow)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    _cleanup_free_ uint32_t *uids = calloc((size_t)argc, sizeof(*uids));
    unsigned int chain = 0;
    size_t count = 0;
    enum cli_status status = wall_chain(argv[1], &chain);

    if (!uids)
        return cli_failed("out of memory");
    for (int i = 2; i < argc && status == CLI_DONE; i++)
        status = cli_uid("UID", argv[i], &uids[count++]);
    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status != CLI_DONE)
        return status;
    return wall_ended(firewall, tctl_firewall_set(firewall, chain, uids, count, allow, flags_of(cli)));
}

enum cli_status cmd_firewall_allow(const struct cli *cli, int argc, char **argv)
{
    return set_rules(cli, argc, argv, true);
}

enum cli_status cmd_firewall_deny(const struct cli *cli, int argc, char **argv)
{
    return set_rules(cli, argc, argv, false);
}

static enum cli_status read_file(const char *path, struct uid_list *list)
{
    if (strcmp(path, "-") == 0)
        return uid_list_read(stdin, "standard input", list);
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    return file ? uid_list_read(file, path, list) : cli_failed("cannot open %s: %s", path, strerror(errno));
}

enum cli_status cmd_firewall_replace(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    _cleanup_(uid_list_done) struct uid_list list = {0};
    unsigned int chain = 0;
    enum cli_status status = wall_chain(argv[1], &chain);

    (void)argc;
    if (status == CLI_DONE)
        status = read_file(argv[2], &list);
    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status != CLI_DONE)
        return status;
    return wall_ended(firewall, tctl_firewall_replace(firewall, chain, list.uids, list.count, flags_of(cli)));
}

/* The two words win over interfaces of these names. */
static enum cli_status parse_only_iface(const char *text, const char **ret_iface)
{
    *ret_iface = strcmp(text, "none") == 0 ? NULL : strcmp(text, "any") == 0 ? "" : text;
    return *ret_iface == text ? cli_iface(text) : CLI_DONE;
}

enum cli_status cmd_firewall_iif(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    const char *iface = NULL;
    uint32_t uid = 0;
    enum cli_status status = cli_uid("UID", argv[1], &uid);

    (void)argc;
    if (status == CLI_DONE)
        status = parse_only_iface(argv[2], &iface);
    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status != CLI_DONE)
        return status;
    return wall_ended(firewall, tctl_firewall_set_iface(firewall, uid, iface, flags_of(cli)));
}

enum cli_status cmd_firewall_lockdown(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    uint32_t uid = 0;
    bool on = false;
    enum cli_status status = cli_uid("UID", argv[1], &uid);

    (void)argc;
    if (status == CLI_DONE)
        status = wall_switch(argv[2], &on);
    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status != CLI_DONE)
        return status;
    return wall_ended(firewall, tctl_firewall_lockdown(firewall, uid, on, flags_of(cli)));
}

enum cli_status cmd_firewall_restore(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    enum cli_status status = wall_open(cli, &firewall);

    (void)argc;
    (void)argv;
    return status == CLI_DONE ? wall_ended(firewall, tctl_firewall_restore(firewall)) : status;
}

enum cli_status cmd_iface_metered(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    bool on = false;
    enum cli_status status = cli_iface(argv[1]);

    (void)argc;
    if (status == CLI_DONE)
        status = wall_switch(argv[2], &on);
    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status != CLI_DONE)
        return status;
    return wall_ended(firewall, tctl_firewall_meter(firewall, argv[1], on, flags_of(cli)));
}
