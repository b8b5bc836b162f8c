/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "dumps.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"

#define DUMPS 4     /* of one set in one reading */
#define ATTEMPTS 50 /* when the ruleset changes: of a dump, and of a reading */

static int ask_table(void *kernel, uint64_t *ret_handle)
{
    return nft_counting_table(kernel, ret_handle);
}

static int ask_set(void *kernel, enum nft_set set, nft_counted_fn take, void *context)
{
    return nft_counting_dump(kernel, set, take, context);
}

static int ask_counter(void *kernel, enum nft_count count, struct nft_counter *ret_counter)
{
    return nft_counting_counter(kernel, count, ret_counter);
}

const struct nft_dump_calls nft_dump_kernel = {ask_table, ask_set, ask_counter};

void nft_dumps_done(struct nft_dumps *dumps)
{
    nft_ifnames_done(&dumps->names);
    for (size_t i = 0; i < ARRAY_SIZE(dumps->sets); i++)
        nft_ledger_done(&dumps->sets[i]);
}

static void forget_all(struct nft_dumps *dumps, uint64_t handle)
{
    nft_dumps_done(dumps);
    *dumps = (struct nft_dumps){.handle = handle, .dump = dumps->dump};
}

/* One set in one reading. */
struct taking {
    struct nft_ifnames *names;
    struct nft_ledger *rows;
    enum nft_set set;
    uint64_t first, dump;  /* numbers of the dumps: marks of the rows that are in them */
    size_t found, doubled; /* in this dump */
};

static bool is_sent(enum nft_set set)
{
    return set == NFT_SET_SENT || set == NFT_SET_IFACE_OUT || set == NFT_SET_DROPPED_OUT || set == NFT_SET_REFUSED;
}

/* A row's value has the set's direction alone. */
static struct tctl_stats_value value_of(enum nft_set set, const struct nft_counter *counter)
{
    if (is_sent(set))
        return (struct tctl_stats_value){
            .tx_packets = counter->packets,
            .tx_bytes = set == NFT_SET_REFUSED ? 0 : counter->bytes, /* of a packet that never was */
        };
    return (struct tctl_stats_value){.rx_packets = counter->packets, .rx_bytes = counter->bytes};
}

static int read_key(struct taking *taking, const struct nft_counted_row *read, uint32_t *ret_uid, uint32_t *ret_number)
{
    const enum nft_key shape = nft_set_shape(taking->set).key;
    struct nft_uid_reason uid_reason;
    struct nft_uid_iface uid_iface = {0};
    if (read->key_size != nft_keys[shape].size)
        return -EBADMSG;
    if (shape == NFT_KEY_UID_REASON) {
        memcpy(&uid_reason, read->key, sizeof(uid_reason));
        *ret_uid = uid_reason.uid;
        *ret_number = uid_reason.reason;
        return 0;
    }
    if (shape == NFT_KEY_IFACE)
        memcpy(uid_iface.iface, read->key, sizeof(uid_iface.iface));
    else
        memcpy(&uid_iface, read->key, sizeof(uid_iface));
    *ret_uid = uid_iface.uid;
    return nft_ifnames_number(taking->names, uid_iface.iface, ret_number);
}

static bool is_larger(const struct tctl_stats_value *a, const struct tctl_stats_value *b)
{
    return a->rx_packets + a->tx_packets > b->rx_packets + b->tx_packets;
}

static int take(void *context, const struct nft_counted_row *read)
{
    struct taking *taking = context;
    struct nft_ledger_row *row;
    uint32_t uid, number;
    int r = read_key(taking, read, &uid, &number);
    if (r < 0)
        return r;
    r = nft_ledger_make(taking->rows, uid, number, &row);
    if (r < 0)
        return r;
    const struct tctl_stats_value value = value_of(taking->set, &read->counter);
    taking->doubled += row->mark == taking->dump;
    taking->found += row->mark != taking->dump;
    if (row->mark < taking->first || is_larger(&value, &row->value))
        row->value = value;
    row->mark = taking->dump;
    return 0;
}

static int dump_once(struct taking *taking, const struct nft_dump_calls *calls, void *kernel)
{
    int r = -EINTR;
    for (int i = 0; i < ATTEMPTS && r == -EINTR; i++) {
        taking->dump++;
        taking->found = taking->doubled = 0;
        r = calls->set(kernel, taking->set, take, taking);
    }
    return r == -EINTR ? -EAGAIN : r;
}

/* Rows of no dump at all are gone: others may take some away. */
static int read_set(struct nft_dumps *dumps, const struct nft_dump_calls *calls, void *kernel, enum nft_set set)
{
    struct taking taking = {
        .names = &dumps->names,
        .rows = &dumps->sets[set - NFT_SET_COUNTING],
        .set = set,
        .first = dumps->dump + 1,
        .dump = dumps->dump,
    };
    bool whole = false;
    int r = 0;
    for (int i = 0; i < DUMPS && !whole && r == 0; i++) {
        const size_t known = taking.rows->count;
        r = dump_once(&taking, calls, kernel);
        whole = taking.rows->count == known && taking.found == known && taking.doubled == 0;
    }
    dumps->dump = taking.dump;
    if (r == 0)
        nft_ledger_forget(taking.rows, taking.first);
    return r;
}

static int read_once(struct nft_dumps *dumps, const struct nft_dump_calls *calls, void *kernel,
                     struct nft_counts *ret_counts)
{
    int r = 0;
    for (enum nft_set set = NFT_SET_COUNTING; set < NFT_SETS && r == 0; set++)
        r = read_set(dumps, calls, kernel, set);
    for (enum nft_count count = 0; count < NFT_COUNTS && r == 0; count++)
        r = calls->counter(kernel, count, &ret_counts->named[count]);
    return r;
}

static enum nft_kind kind_of(enum nft_set set)
{
    switch (nft_set_shape(set).key) {
    case NFT_KEY_UID_IFACE:
        return NFT_UIDS;
    case NFT_KEY_IFACE:
        return NFT_IFACES;
    default:
        return set == NFT_SET_REFUSED ? NFT_REFUSED : NFT_DROPS;
    }
}

static int put_all(const struct nft_dumps *dumps, struct nft_counts *counts)
{
    _cleanup_free_ uint32_t *numbers = NULL;
    int r = nft_ifnames_translate(&counts->names, &dumps->names, &numbers);
    for (enum nft_set set = NFT_SET_COUNTING; set < NFT_SETS && r == 0; set++) {
        const enum nft_kind kind = kind_of(set);
        r = nft_ledger_add_all(&counts->rows[kind], &dumps->sets[set - NFT_SET_COUNTING],
                               nft_kind_has_names(kind) ? numbers : NULL);
    }
    return r;
}

int nft_dumps_read(struct nft_dumps *dumps, const struct nft_dump_calls *calls, void *kernel, uint64_t *ret_handle,
                   struct nft_counts *ret_counts)
{
    uint64_t before, after = 0;
    int r = calls->table(kernel, &before);
    for (int i = 0; r == 0 && i < ATTEMPTS; i++, before = after) {
        if (before != dumps->handle)
            forget_all(dumps, before);
        r = read_once(dumps, calls, kernel, ret_counts);
        if (r == 0)
            r = calls->table(kernel, &after);
        if (r == 0 && after == before) {
            *ret_handle = after;
            return put_all(dumps, ret_counts);
        }
    }
    return r < 0 ? r : -EAGAIN;
}
