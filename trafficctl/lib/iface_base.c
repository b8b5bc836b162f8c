/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "iface_base.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "cleanup.h"
#include "fd.h"
#include "pins.h"

struct base_maps {
    int base, parts;
    struct stats_rows rows;
    bool rows_read;
};

static void base_maps_done(struct base_maps *maps)
{
    fd_close(maps->base);
    fd_close(maps->parts);
    stats_rows_done(&maps->rows);
}

struct tctl_stats_value iface_base_sum(const struct stats_rows *rows, uint32_t index)
{
    struct tctl_stats_value sum = {0};
    for (size_t i = 0; i < rows->count; i++) {
        const struct stats_row *row = &rows->rows[i];
        if (row->key.iface_index != index || row->key.tag != 0)
            continue;
        sum.rx_packets += row->value.rx_packets;
        sum.rx_bytes += row->value.rx_bytes;
        sum.tx_packets += row->value.tx_packets;
        sum.tx_bytes += row->value.tx_bytes;
    }
    return sum;
}

struct tctl_stats_value iface_base_link(const struct link_info *link)
{
    return (struct tctl_stats_value){
        .rx_packets = link->stats.rx_packets,
        .rx_bytes = link->stats.rx_bytes,
        .tx_packets = link->stats.tx_packets,
        .tx_bytes = link->stats.tx_bytes,
    };
}

static int read_rows(const char *bpffs, struct stats_rows *rows)
{
    _cleanup_(stats_map_close) struct stats_map stats = {.fd = -1};
    _cleanup_(stats_beside_close) struct stats_beside beside = STATS_BESIDE_NONE;
    int r = stats_beside_open(bpffs, &beside);
    if (r == 0 || r == -ENOENT) /* there with --counters percpu only */
        r = stats_map_open(bpffs, PIN_IFACE_STATS, &stats);
    return r < 0 ? r : stats_read(&read_kernel, &stats, &beside, TCTL_IFACE_STATS, rows);
}

/* The rows without what was merged: as the kernel's own packets. */
static int packets_of(const struct base_maps *maps, uint32_t index, struct tctl_stats_value *ret_packets)
{
    struct tctl_iface_parts parts = {0};
    struct tctl_stats_value sum = iface_base_sum(&maps->rows, index);
    int r = bpf_map_lookup_elem(maps->parts, &index, &parts);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_packets = (struct tctl_stats_value){
        .rx_packets = sum.rx_packets - parts.merged.rx_packets,
        .rx_bytes = sum.rx_bytes - parts.merged.rx_bytes,
        .tx_packets = sum.tx_packets - parts.merged.tx_packets,
        .tx_bytes = sum.tx_bytes - parts.merged.tx_bytes,
    };
    return 0;
}

static int note(const char *bpffs, struct base_maps *maps, const struct link_info *link)
{
    struct tctl_iface_base base;
    if (!link->has_stats || bpf_map_lookup_elem(maps->base, &link->index, &base) == 0)
        return 0;
    int r = maps->rows_read ? 0 : read_rows(bpffs, &maps->rows);
    maps->rows_read = true;
    if (r == 0)
        r = packets_of(maps, link->index, &base.rows);
    if (r < 0)
        return r;
    base.link = iface_base_link(link);
    r = bpf_map_update_elem(maps->base, &link->index, &base, BPF_NOEXIST);
    return r == -EEXIST || r == -E2BIG ? 0 : r;
}

int iface_base_note_all(const char *bpffs)
{
    _cleanup_(base_maps_done) struct base_maps maps = {.base = -1, .parts = -1};
    _cleanup_free_ struct link_info *links = NULL;
    size_t count = 0;
    int r = link_list_read(&links, &count);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_IFACE_BASE, true, &maps.base);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_IFACE_PARTS, false, &maps.parts);
    for (size_t i = 0; i < count && r == 0; i++)
        r = note(bpffs, &maps, &links[i]);
    return r;
}
