/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "traffic_daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <trafficctl/firewall.h>
#include <trafficctl/tag.h>

#include "burst.h"
#include "cleanup.h"
#include "inside.h"
#include "traffic_world.h"

/* Who is listed passes an allow list, and who is not, a deny list. */
static int fill_chain(struct tctl_firewall *firewall, unsigned chain, unsigned users)
{
    const uint32_t first = tctl_chain_is_allow_list(chain) ? APP : TRAFFIC_DENIED;
    _cleanup_free_ uint32_t *uids = calloc(users, sizeof(*uids));

    if (!uids)
        return -ENOMEM;
    for (unsigned i = 0; i < users; i++)
        uids[i] = first + i;
    return tctl_firewall_replace(firewall, chain, uids, users, TCTL_RUNTIME)
               ?: tctl_firewall_enable(firewall, chain, true, TCTL_RUNTIME);
}

static int fill_chains(struct world *world, unsigned users)
{
    struct tctl_firewall *firewall = NULL;
    int r = tctl_firewall_open(world->bpffs, &firewall);

    for (unsigned chain = 1; chain <= TCTL_FIREWALL_CHAINS && r == 0; chain++)
        r = fill_chain(firewall, chain, users);
    if (r < 0)
        fprintf(stderr, "bench: chains: %s: %s\n", strerror(-r), firewall ? tctl_firewall_problem(firewall) : "");
    tctl_firewall_close(firewall);
    return r
               ?: world_run(world, PLACE_A, TCTL_BUILD "/trafficctl --bpffs %s iface metered --runtime %s on",
                            world->bpffs, BURST_IFACE);
}

/* Who changes what nf_tables judges is where it judges. */
static int fill_chains_in_a(struct world *world, unsigned users)
{
    int r = place_enter(world, PLACE_A) ?: fill_chains(world, users);
    return place_leave(world) ?: r;
}

int traffic_daemon_start(struct world *world, unsigned users, const int *sockets, size_t count)
{
    int r = world_start_daemon(world);

    if (r == 0 && users)
        r = fill_chains_in_a(world, users);
    for (size_t i = 0; i < count && r == 0 && !world->options.backend; i++)
        r = tctl_tag(world->fwmarkd, sockets[i], APP, APP_TAG);
    return r;
}

static int both(const struct tctl_counters *counters, unsigned packets)
{
    return counters->rx_packets >= packets && counters->tx_packets >= packets ? 0 : -ENODATA;
}

static int check_iface(struct world *world, unsigned packets)
{
    _cleanup_free_ struct tctl_iface_row *rows = NULL;
    size_t count = 0;
    int r = tctl_read_ifaces(world->traffic, &rows, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].iface, BURST_IFACE) == 0)
            return both(&rows[i].counters, packets);
    return r < 0 ? r : -ENODATA;
}

static int check_users(struct world *world, unsigned packets)
{
    const uint32_t tag = world->options.backend ? 0 : APP_TAG;
    const struct tctl_filter wanted = {.has_uid = true, .uid = APP, .has_tag = true, .tag = tag};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    struct tctl_counters sum = {0};
    size_t count = 0;
    int r = tctl_read_details(world->traffic, &wanted, &rows, &count);

    for (size_t i = 0; i < count; i++) {
        sum.rx_packets += rows[i].counters.rx_packets;
        sum.tx_packets += rows[i].counters.tx_packets;
    }
    return r < 0 ? r : both(&sum, packets);
}

int traffic_daemon_check(struct world *world, unsigned packets)
{
    return check_users(world, packets) ?: (world->options.netfilter ? check_iface(world, packets) : 0);
}
