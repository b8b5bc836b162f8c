/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Block a user, or let him pass again, by the chain standby: block BPFFS UID on|off. As root.
 * cc block.c $(pkg-config --cflags --libs trafficctl)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trafficctl/firewall.h>

static int block(struct tctl_firewall *firewall, uint32_t uid, bool on)
{
    unsigned int standby;
    int r = tctl_chain_find("standby", &standby);

    if (r == 0)
        r = tctl_firewall_set(firewall, standby, &uid, 1, !on, 0);
    return r < 0 ? r : tctl_firewall_enable(firewall, standby, true, 0);
}

int main(int argc, char **argv)
{
    struct tctl_firewall *firewall = NULL;
    struct tctl_verdict verdict = {0};
    uint32_t uid = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    int r = argc > 3 ? tctl_firewall_open(argv[1], &firewall) : -1;

    if (r == 0)
        r = block(firewall, uid, strcmp(argv[3], "on") == 0);
    if (r == 0)
        r = tctl_firewall_why(firewall, uid, NULL, true, &verdict);
    if (r < 0)
        fprintf(stderr, "not changed: %s\n", firewall ? tctl_firewall_problem(firewall) : "block BPFFS UID on|off");
    else
        printf("%s: %s\n", verdict.pass ? "passes" : "dropped", verdict.reason);
    tctl_firewall_close(firewall);
    return r < 0;
}
