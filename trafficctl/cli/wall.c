/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "wall.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

enum cli_status wall_open(const struct cli *cli, struct tctl_firewall **ret_firewall)
{
    int r = tctl_firewall_open(cli->bpffs, ret_firewall);

    if (r == -EACCES || r == -EPERM)
        return cli_failed("the firewall in %s is root's: become root", cli->bpffs);
    if (r == -ENOENT || r == -EPROTO)
        return cli_read_failed(cli, r);
    return *ret_firewall ? wall_ended(*ret_firewall, r) : cli_failed("out of memory");
}

enum cli_status wall_ended(const struct tctl_firewall *firewall, int result)
{
    const char *problem = tctl_firewall_problem(firewall);

    if (result < 0)
        return cli_failed("%s", *problem ? problem : strerror(-result));
    if (*problem)
        log_warning("%s", problem);
    return CLI_DONE;
}

enum cli_status wall_chain(const char *text, unsigned int *ret_chain)
{
    _cleanup_free_ char *names = NULL;
    size_t length;

    if (tctl_chain_find(text, ret_chain) == 0)
        return CLI_DONE;
    FILE *out = open_memstream(&names, &length);
    if (out) {
        for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++)
            fprintf(out, "%s%s", chain > 1 ? ", " : "", tctl_chain_name(chain));
        fclose(out);
    }
    return cli_usage("there is no chain '%s': write 1 to %d, or one of %s", text, TCTL_FIREWALL_CHAINS,
                     names ?: "their names");
}

enum cli_status wall_switch(const char *text, bool *ret_on)
{
    *ret_on = strcmp(text, "on") == 0;
    return *ret_on || strcmp(text, "off") == 0 ? CLI_DONE : cli_usage("'%s': write on or off", text);
}
