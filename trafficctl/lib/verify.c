/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Link statistics beside interface rows and users' rows: all that is read for it. */
#include <trafficctl/verify.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_reader.h"
#include "cgroup_tree.h"
#include "cleanup.h"
#include "explain.h"
#include "fd.h"
#include "iface_base.h"
#include "ifaces.h"
#include "interfaces_page.h"
#include "pins.h"
#include "state.h"
#include "stats.h"

struct list {
    struct link_info *links;
    size_t count;
};

/* All that is asked, in this order: what a packet raises last on its way in is read last. */
struct readings {
    bool counted, part;
    struct list before;
    int parts, bases;
    struct stats_rows rows, users;
    struct list links;
};

static void readings_done(struct readings *readings)
{
    free(readings->before.links);
    fd_close(readings->parts);
    fd_close(readings->bases);
    stats_rows_done(&readings->rows);
    stats_rows_done(&readings->users);
    free(readings->links.links);
}

static int check_netns(const struct reader *reader)
{
    struct tctl_state state;
    bool here = false;
    int r = state_read(reader->state, &state);
    if (r == 0)
        r = ifaces_are_of(state.netns_inum, &here);
    return r < 0 ? r : here ? 0 : -EXDEV;
}

static int read_list(struct list *list)
{
    return link_list_read(&list->links, &list->count);
}

static int read_stats(const struct reader *reader, enum tctl_stats_map map, struct stats_rows *rows)
{
    return stats_read(&read_kernel, &reader->stats[map], &reader->beside, map, rows);
}

static int read_maps(const struct reader *reader, struct readings *readings)
{
    struct tctl_interfaces page;
    int r = interfaces_read(reader->bpffs, &page);
    if (r == 0)
        r = pins_open_map(reader->bpffs, PIN_IFACE_PARTS, false, &readings->parts);
    if (r == 0)
        r = pins_open_map(reader->bpffs, PIN_IFACE_BASE, false, &readings->bases);
    if (r == 0)
        r = read_stats(reader, TCTL_IFACE_STATS, &readings->rows);
    if (r == 0)
        r = read_stats(reader, TCTL_UID_STATS, &readings->users);
    if (r == 0)
        readings->counted = page.netfilter != TCTL_NETFILTER_OFF;
    return r;
}

/* A group that is not there any more, or not to be seen by this user, was not the root. */
static int read_part(const struct reader *reader, bool *ret_part)
{
    _cleanup_(cgroup_tree_done) struct cgroup_tree tree;
    int r = cgroup_tree_configured(reader->bpffs, &tree);
    *ret_part = !tree.everybody;
    return r == -ENOMEM ? r : 0;
}

static int read_all(const struct reader *reader, struct readings *readings)
{
    int r = read_part(reader, &readings->part);
    if (r == 0)
        r = read_list(&readings->before);
    if (r == 0)
        r = read_maps(reader, readings);
    return r < 0 ? r : read_list(&readings->links);
}

static struct tctl_amount amount(const struct tctl_stats_value *value, bool out)
{
    if (out)
        return (struct tctl_amount){.packets = value->tx_packets, .bytes = value->tx_bytes};
    return (struct tctl_amount){.packets = value->rx_packets, .bytes = value->rx_bytes};
}

/* Everything about one interface, both directions. */
struct iface_facts {
    const struct link_info *link;
    struct tctl_stats_value now, rows, users;
    struct tctl_iface_parts parts;
    struct tctl_iface_base base;
    struct tctl_stats_value before; /* the link at the first reading */
};

/* Zeroes where there is none. *ret_found may be NULL. */
static int look_up(int fd, uint32_t index, void *value, bool *ret_found)
{
    int r = bpf_map_lookup_elem(fd, &index, value);
    if (ret_found)
        *ret_found = r == 0;
    return r == -ENOENT ? 0 : r;
}

static struct tctl_stats_value first_reading(const struct readings *readings, uint32_t index)
{
    for (size_t i = 0; i < readings->before.count; i++) {
        if (readings->before.links[i].index == index)
            return iface_base_link(&readings->before.links[i]);
    }
    return (struct tctl_stats_value){0}; /* it has come since: all of it moved */
}

static int gather_facts(const struct readings *readings, const struct link_info *link, struct iface_facts *facts,
                        bool *ret_noted)
{
    *facts = (struct iface_facts){
        .link = link,
        .now = iface_base_link(link),
        .rows = iface_base_sum(&readings->rows, link->index),
        .users = iface_base_sum(&readings->users, link->index),
        .before = first_reading(readings, link->index),
    };
    int r = look_up(readings->parts, link->index, &facts->parts, NULL);
    return r < 0 ? r : look_up(readings->bases, link->index, &facts->base, ret_noted);
}

static struct tctl_verify_side side_of(const struct readings *readings, const struct iface_facts *iface, bool out)
{
    struct tctl_verify_side side;
    const struct tctl_amount now = amount(&iface->now, out), first = amount(&iface->before, out);
    const bool bridge = strcmp(iface->link->kind, "bridge") == 0;
    const struct explain_facts facts = {
        .out = out,
        .counted = readings->counted,
        .part = readings->part,
        .bridge = bridge,
        .header = bridge && !out ? 0 : explain_header(iface->link->type), /* its ports had it */
        .link = now,
        .base_link = amount(&iface->base.link, out),
        .rows = amount(&iface->rows, out),
        .base_rows = amount(&iface->base.rows, out),
        .merged = amount(&iface->parts.merged, out),
        .forwarded = amount(&iface->parts.forwarded, out),
        .ownerless = amount(&iface->parts.ownerless, out),
        .users = amount(&iface->users, out),
    };
    explain(&facts, &side);
    side.moved = (struct tctl_amount){.packets = now.packets - first.packets, .bytes = now.bytes - first.bytes};
    return side;
}

static int fill_row(const struct readings *readings, const struct link_info *link, struct tctl_verify_row *ret_row)
{
    struct iface_facts facts;
    int r = gather_facts(readings, link, &facts, &ret_row->noted);
    if (r < 0)
        return r;
    memcpy(ret_row->iface, link->name, sizeof(ret_row->iface));
    ret_row->rx = side_of(readings, &facts, false);
    ret_row->tx = side_of(readings, &facts, true);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct tctl_verify_row *one = a, *other = b;
    return strcmp(one->iface, other->iface);
}

/* *ret_verified is set when that succeeds. */
static int fill(const struct readings *readings, struct tctl_verified *ret_verified)
{
    _cleanup_free_ struct tctl_verify_row *rows = calloc(readings->links.count + 1, sizeof(*rows));
    size_t count = 0;
    int r = 0;
    if (!rows)
        return -ENOMEM;
    for (size_t i = 0; i < readings->links.count && r == 0; i++) {
        if (readings->links.links[i].has_stats)
            r = fill_row(readings, &readings->links.links[i], &rows[count++]);
    }
    if (r < 0)
        return r;
    qsort(rows, count, sizeof(*rows), compare);
    *ret_verified = (struct tctl_verified){.interfaces = readings->counted, .rows = TAKE_PTR(rows), .count = count};
    return 0;
}

/* 1: counters moved to larger maps meanwhile, and nothing is returned. */
static int verify_once(struct reader *reader, struct tctl_verified *ret_verified)
{
    _cleanup_(readings_done) struct readings readings = {.parts = -1, .bases = -1};
    struct tctl_verified verified = {0};
    int r = read_all(reader, &readings);
    if (r == 0)
        r = fill(&readings, &verified);
    if (r < 0)
        return r;
    r = bpf_reader_again(reader);
    if (r == 0)
        *ret_verified = verified;
    else
        tctl_verified_done(&verified);
    return r;
}

int tctl_verify(struct tctl *traffic, struct tctl_verified *ret_verified)
{
    struct reader *reader;
    int r = bpf_reader_of(traffic, &reader);
    if (r == 0)
        r = pins_check_loaded(reader->folder);
    if (r == 0)
        r = check_netns(reader);
    if (r < 0)
        return r;
    do
        r = verify_once(reader, ret_verified);
    while (r > 0);
    return r;
}

void tctl_verified_done(struct tctl_verified *verified)
{
    free(verified->rows);
    *verified = (struct tctl_verified){0};
}

static bool is_more(int64_t part, uint64_t bound)
{
    return (part < 0 ? -(uint64_t)part : (uint64_t)part) > bound;
}

bool tctl_verify_doubts(const struct tctl_verify_side *side)
{
    return is_more(side->unexplained.packets, side->moved.packets) ||
           is_more(side->unexplained.bytes, side->moved.bytes);
}
