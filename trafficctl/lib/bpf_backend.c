/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What BPF programs count and judge, as the library asks for it. */
#include <string.h>

#include "bpf_enforcer.h"
#include "bpf_reader.h"
#include "pins.h"
#include "read.h"
#include "state.h"

static int read_rows(struct reader *reader, uint32_t maps, struct stats_rows *rows)
{
    int r = 0;
    for (uint32_t map = 0; map < TCTL_STATS_MAPS && r == 0; map++)
        if (maps & 1u << map)
            r = stats_read(&read_kernel, &reader->stats[map], &reader->beside, map, rows);
    return r;
}

static int read_uid(struct reader *reader, uint32_t uid, struct tctl_stats_value *ret_value)
{
    return stats_read_uid(&read_kernel, &reader->stats[TCTL_APP_UID_STATS], &reader->beside, uid, ret_value);
}

struct drop_taker {
    backend_drop_fn take;
    void *context;
};

static int take_drop(void *context, const void *key, const void *value)
{
    const struct drop_taker *taker = context;
    struct tctl_drop_key row;
    struct tctl_drop drop;
    memcpy(&row, key, sizeof(row));
    memcpy(&drop, value, sizeof(drop));
    return taker->take(taker->context, &row, &drop.dropped);
}

static int read_drops(struct reader *reader, backend_drop_fn take, void *context)
{
    struct drop_taker taker = {.take = take, .context = context};
    int r = pins_check_loaded(reader->folder);
    if (r == 0 && reader->drops.fd < 0)
        r = stats_map_open(reader->bpffs, PIN_DROPS, &reader->drops);
    return r < 0 ? r : read_map(&read_kernel, reader->drops.fd, &reader->drops.shape, take_drop, &taker);
}

static int make_names(struct reader *reader, struct names *ret_names)
{
    *ret_names = bpf_reader_names(reader);
    return 0;
}

static int read_state(struct reader *reader, struct tctl_state *ret_state)
{
    int r = pins_check_loaded(reader->folder);
    return r < 0 ? r : state_read(reader->state, ret_state);
}

const struct backend backend_bpf = {
    .name = "bpf",
    .open = bpf_reader_open,
    .done = bpf_reader_close,
    .again = bpf_reader_again,
    .rows = read_rows,
    .uid = read_uid,
    .drops = read_drops,
    .names = make_names,
    .state = read_state,
    .status = bpf_reader_status,
    .rules_open = bpf_enforcer_open,
    .rules_done = bpf_enforcer_close,
    .rules_config = bpf_enforcer_config,
    .rules_read = bpf_enforcer_read,
    .rules_image = bpf_enforcer_image,
    .rules_of = bpf_enforcer_of,
    .rules_metered = bpf_enforcer_metered,
    .rules_at_work = bpf_enforcer_at_work,
    .rules_tree = bpf_enforcer_tree,
    .rules_differ = bpf_enforcer_differ,
    .rules_apply = bpf_enforcer_apply,
    .rules_shut = bpf_enforcer_shut,
    .stage_open = bpf_stage_open,
    .stage_lists = bpf_stage_lists,
    .stage_change = bpf_stage_change,
    .stage_commit = bpf_stage_commit,
    .stage_done = bpf_stage_done,
};
