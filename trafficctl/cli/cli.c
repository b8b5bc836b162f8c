/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "parse.h"

enum cli_status cli_open(const struct cli *cli, struct tctl **ret_traffic)
{
    int r = tctl_open(cli->bpffs, ret_traffic);

    return r < 0 ? cli_read_failed(cli, r) : CLI_DONE;
}

enum cli_status cli_open_maps(const struct cli *cli, struct tctl_maps **ret_maps)
{
    int r = tctl_maps_open(cli->bpffs, ret_maps);

    return r < 0 ? cli_read_failed(cli, r) : CLI_DONE;
}

/* Is the state pinned, as after every start? */
static bool has_state(const char *bpffs)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/trafficctl/state", bpffs) < 0)
        return path = NULL, false;
    return access(path, F_OK) == 0;
}

static enum cli_status not_pinned(const char *bpffs)
{
    if (has_state(bpffs))
        return cli_failed("pins are missing in %s beside trafficctl/state: restart trafficd as root, which makes them "
                          "anew and empty",
                          bpffs);
    return cli_failed("no pins in %s: has trafficd run? start it, or name its bpffs with --bpffs", bpffs);
}

/* The folders that lead to the bpffs, and its root, let through who may search them. */
static enum cli_status not_permitted(const char *bpffs)
{
    if (access(bpffs, X_OK) < 0)
        return cli_failed(
            "no permission to go through %s to the pins: become root, or have root let their groups through "
            "(bpffs_search = yes in trafficctl.conf)",
            bpffs);
    return cli_failed("no permission to read the pins in %s: become root or join the group that trafficd calls "
                      "read_group (net_bw_stats)",
                      bpffs);
}

enum cli_status cli_read_failed(const struct cli *cli, int err)
{
    switch (err) {
    case -ENOENT:
        return not_pinned(cli->bpffs);
    case -ESTALE:
        return cli_failed("everything in %s was unloaded: nothing counts any more", cli->bpffs);
    case -EACCES:
        return not_permitted(cli->bpffs);
    case -EPERM:
        return cli_failed("the kernel lets only root open the pins in %s (others from Linux 5.19 on): become root",
                          cli->bpffs);
    case -ENOTCONN:
        return cli_failed(
            "trafficd is not running, and nf_tables tells its counters to root alone: start it, or become "
            "root in its network namespace");
    case -EOPNOTSUPP:
        return cli_failed("what is loaded in %s counts by nf_tables, which cannot do this", cli->bpffs);
    case -EPROTO:
        return cli_failed("the pins in %s were made by another version: use that version, or run 'trafficctl unload' "
                          "(counters are lost) and start this version's trafficd",
                          cli->bpffs);
    default:
        return cli_failed("cannot read the pins in %s: %s", cli->bpffs, strerror(-err));
    }
}

enum cli_status cli_uid(const char *name, const char *text, uint32_t *ret)
{
    switch (parse_uid(text, ret)) {
    case 0:
        return CLI_DONE;
    case -ESRCH:
        return cli_usage("%s: there is no user '%s': write an existing name or a number", name, text);
    case -ERANGE:
        return cli_usage("%s: '%s' does not fit: a UID is at most 4294967294", name, text);
    default:
        return cli_usage("%s: '%s' is neither a number nor a user name", name, text);
    }
}

enum cli_status cli_iface(const char *text)
{
    if (*text && strlen(text) < TCTL_IFACE_LEN)
        return CLI_DONE;
    return cli_usage("'%s' cannot be an interface: a name has 1 to %d bytes", text, TCTL_IFACE_LEN - 1);
}

enum cli_status cli_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
    uint32_t value;

    if (parse_u32(text, &value) < 0 || value < min || value > max)
        return cli_usage("%s: '%s' does not fit: write a number from %u to %u", name, text, min, max);
    *ret = value;
    return CLI_DONE;
}

const char *cli_given(const struct cli *cli, const char *name)
{
    for (size_t i = cli->given_count; i > 0; i--)
        if (strcmp(cli->given[i - 1].name, name) == 0)
            return cli->given[i - 1].argument;
    return NULL;
}

enum cli_status cli_given_number(const struct cli *cli, const char *name, uint32_t min, uint32_t max, uint32_t *ret)
{
    const char *text = cli_given(cli, name);

    return text ? cli_number(name, text, min, max, ret) : CLI_DONE;
}

enum cli_status cli_given_uid(const struct cli *cli, const char *name, uint32_t *ret)
{
    const char *text = cli_given(cli, name);

    return text ? cli_uid(name, text, ret) : CLI_DONE;
}

enum cli_status cli_given_iface(const struct cli *cli, const char *name, const char **ret)
{
    const char *text = cli_given(cli, name);

    if (!text)
        return CLI_DONE;
    *ret = text;
    return cli_iface(text);
}

enum cli_status cli_takes_no_json(const struct cli *cli)
{
    return cli->json ? cli_usage("%s is a text and has no JSON: 'trafficctl -j stats detail' and 'stats iface' have it",
                                 cli->command->name)
                     : CLI_DONE;
}

enum cli_status cli_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_DONE;
    return cli_failed("cannot write to standard output: is the disk full, or the reader gone?");
}

int cli_catch_stops(int *ret_fd)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return -errno;
    *ret_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    return *ret_fd < 0 ? -errno : 0;
}
