/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What nf_tables counts and judges, as the library asks for it. */
#include <errno.h>
#include <pins.h>
#include <state.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "enforcer.h"
#include "lacks.h"
#include "reader.h"

static int again(struct reader *reader)
{
    return pins_check_loaded(reader->folder);
}

static int read_rows(struct reader *reader, uint32_t maps, struct stats_rows *rows)
{
    int r = nft_reader_read(reader);
    for (uint32_t map = 0; map < TCTL_STATS_MAPS && r == 0; map++)
        if (maps & 1u << map)
            r = nft_counts_stats(&reader->now.counts, map, rows);
    return r;
}

static int read_uid(struct reader *reader, uint32_t uid, struct tctl_stats_value *ret_value)
{
    struct tctl_stats_value sum = {0};
    int r = nft_reader_read(reader);
    if (r < 0)
        return r;
    const struct nft_ledger *users = &reader->now.counts.rows[NFT_UIDS];
    for (size_t i = 0; i < users->count; i++)
        if (users->rows[i].uid == uid)
            nft_value_add(&sum, &users->rows[i].value);
    *ret_value = sum;
    return 0;
}

/* A refused connect is a drop, too. */
static int read_drops(struct reader *reader, backend_drop_fn take, void *context)
{
    _cleanup_(nft_ledger_done) struct nft_ledger sum = {0};
    int r = nft_reader_read(reader);
    if (r == 0)
        r = nft_ledger_add_all(&sum, &reader->now.counts.rows[NFT_DROPS], NULL);
    if (r == 0)
        r = nft_ledger_add_all(&sum, &reader->now.counts.rows[NFT_REFUSED], NULL);
    for (size_t i = 0; i < sum.count && r == 0; i++) {
        const struct tctl_drop_key key = {.uid = sum.rows[i].uid, .reason = sum.rows[i].number};
        r = take(context, &key, &sum.rows[i].value);
    }
    return r;
}

static int make_names(struct reader *reader, struct names *ret_names)
{
    const struct nft_ifnames *from = &reader->now.counts.names;
    struct name *known = calloc(from->count + 1, sizeof(*known));
    if (!known)
        return -ENOMEM;
    for (size_t i = 0; i < from->count; i++) {
        known[i].index = (uint32_t)i + 1;
        memcpy(known[i].text, from->all[i], sizeof(known[i].text));
    }
    *ret_names = (struct names){.map_fd = -1, .known = known, .count = from->count, .room = from->count + 1};
    return 0;
}

/* The table says it better than what trafficd noted. */
static void fill_counted(const struct nft_counts *counts, struct tctl_state *state)
{
    memset(state->lost, 0, sizeof(state->lost));
    state->lost[TCTL_UID_STATS] = counts->named[NFT_COUNT_LOST_OUT].packets + counts->named[NFT_COUNT_LOST_IN].packets;
    state->lost[TCTL_IFACE_STATS] = counts->named[NFT_COUNT_LOST_IFACE].packets;
    state->lost[TCTL_DROPS] = counts->named[NFT_COUNT_LOST_DROPS].packets;
    memset(state->dropped, 0, sizeof(state->dropped));
    for (enum nft_kind kind = NFT_DROPS; kind <= NFT_REFUSED; kind++) {
        for (size_t i = 0; i < counts->rows[kind].count; i++) {
            state->dropped[0] += counts->rows[kind].rows[i].value.rx_packets;
            state->dropped[1] += counts->rows[kind].rows[i].value.tx_packets;
        }
    }
}

/* Without trafficd a member of read_group still gets what that noted last. */
static int read_state(struct reader *reader, struct tctl_state *ret_state)
{
    int r = nft_reader_read(reader);
    if (r == -ENOTCONN)
        return state_read_pinned(reader->place, ret_state);
    if (r < 0)
        return r;
    *ret_state = reader->now.state;
    fill_counted(&reader->now.counts, ret_state);
    return 0;
}

const struct backend backend_nft = {
    .name = "nft",
    .partial = true,
    .open = nft_reader_open,
    .done = nft_reader_close,
    .again = again,
    .rows = read_rows,
    .uid = read_uid,
    .drops = read_drops,
    .names = make_names,
    .state = read_state,
    .status = nft_reader_status,
    .lacks = nft_lacks,
    .rules_open = nft_enforcer_open,
    .rules_done = nft_enforcer_close,
    .rules_error = nft_enforcer_error,
    .rules_config = nft_enforcer_config,
    .rules_read = nft_enforcer_read,
    .rules_image = nft_enforcer_image,
    .rules_of = nft_enforcer_of,
    .rules_metered = nft_enforcer_metered,
    .rules_at_work = nft_enforcer_at_work,
    .rules_tree = nft_enforcer_tree,
    .rules_differ = nft_enforcer_differ,
    .rules_apply = nft_enforcer_apply,
    .rules_shut = nft_enforcer_shut,
    .stage_open = nft_staged_open,
    .stage_lists = nft_staged_lists,
    .stage_change = nft_staged_change,
    .stage_commit = nft_staged_commit,
    .stage_done = nft_staged_done,
};
