/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What the firewall holds, as root: chains [BPFFS].
 * cc chains.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <stdio.h>

#include <trafficctl/firewall.h>

static void show(unsigned int number, const struct tctl_firewall_chain *chain)
{
    printf("%s %s (%s):", tctl_chain_name(number), chain->enabled ? "on" : "off",
           tctl_chain_is_allow_list(number) ? "these pass" : "these are blocked");
    for (size_t i = 0; i < chain->count; i++)
        printf(" %" PRIu32, chain->uids[i]);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct tctl_firewall *firewall = NULL;
    struct tctl_firewall_rules rules = {0};
    int r = tctl_firewall_open(argc > 1 ? argv[1] : NULL, &firewall);

    if (r == 0)
        r = tctl_firewall_read(firewall, &rules);
    if (r < 0)
        fprintf(stderr, "not read: %s\n", firewall ? tctl_firewall_problem(firewall) : "no memory");
    for (unsigned int i = 1; r == 0 && i <= TCTL_FIREWALL_CHAINS; i++)
        show(i, &rules.chains[i]);
    tctl_firewall_rules_done(&rules);
    tctl_firewall_close(firewall);
    return r < 0;
}
