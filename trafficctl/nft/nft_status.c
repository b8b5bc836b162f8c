/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Root is told what there is of the table now, others what trafficd noted in the state. */
#include <attached.h>
#include <chains.h>
#include <pins.h>
#include <time.h>
#include <ways.h>

#include "config.h"
#include "reader.h"
#include "whole.h"

static uint32_t bit(enum tctl_program program)
{
    return 1u << program;
}

/* What there is now, in the words of the state. */
static int look(struct reader *reader, struct tctl_state *state)
{
    struct tctl_config config;
    struct nft_whole whole = {0};
    if (!reader->talk)
        return 0;
    int r = nft_config_of(state, &config);
    if (r == 0)
        r = nft_whole_look(reader->talk, &config, &whole);
    if (r < 0)
        return r;
    state->attached = nft_whole_attached(&whole);
    state->chains = whole.switched;
    state->seen_sec = (uint64_t)time(NULL);
    return 0;
}

static void fill_map(const struct nft_ledger *ledger, uint32_t size, enum pin_id id, struct tctl_status *status)
{
    status->maps[id].entries = (uint32_t)ledger->count;
    status->maps[id].max_entries = size;
    status->maps[id].readable = true;
}

static int fill_maps(const struct reader *reader, const struct tctl_state *state, struct tctl_status *status)
{
    struct nft_sizes sizes;
    for (size_t i = 0; i < PINS_NETD_MAPS; i++)
        status->maps[i].name = pins[i].path;
    int r = nft_config_sizes(state, &sizes);
    if (r < 0)
        return r;
    fill_map(&reader->now.counts.rows[NFT_UIDS], sizes.users, PIN_UID_STATS, status);
    fill_map(&reader->now.counts.rows[NFT_IFACES], sizes.ifaces, PIN_IFACE_STATS, status);
    return 0;
}

static void fill_programs(const struct tctl_state *state, struct tctl_status *status)
{
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        status->programs[i].name = attached_pins[i].name;
        status->programs[i].attached = state->attached >> i & 1;
        status->programs[i].wanted = state->wanted >> i & 1;
    }
    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++) {
        status->chains[i].name = chains_names[i + 1];
        status->chains[i].enabled = state->chains & TCTL_BIT(i + 1);
    }
    status->seen_sec = state->seen_sec;
}

static void fill_places(const struct tctl_state *state, struct tctl_status *status)
{
    const uint32_t needed[TCTL_IFACE_HOOKS] = {
        [TCTL_PREROUTING4] = bit(TCTL_PROG_INGRESS),
        [TCTL_PREROUTING6] = bit(TCTL_PROG_INGRESS),
        [TCTL_POSTROUTING4] = bit(TCTL_PROG_EGRESS),
        [TCTL_POSTROUTING6] = bit(TCTL_PROG_EGRESS),
    };
    status->netfilter = ways_name(TCTL_NETFILTER_NFT);
    for (unsigned int i = 0; i < TCTL_IFACE_HOOKS; i++) {
        status->places[i].name = ways_place(i);
        status->places[i].counted = state->attached & needed[i];
    }
}

int nft_reader_status(struct reader *reader, const struct tctl_state *state, struct tctl_status *status)
{
    struct tctl_state now = *state;
    int r = look(reader, &now);
    if (r == 0)
        r = fill_maps(reader, &now, status);
    if (r < 0)
        return r;
    fill_programs(&now, status);
    fill_places(&now, status);
    return 0;
}
