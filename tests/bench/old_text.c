/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "old_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"

static bool parse(const char *line, struct tctl_detail_row *ret_row)
{
    struct tctl_counters *n = &ret_row->counters;
    uint64_t tag;
    uint32_t index;
    int got = sscanf(
        line, "%" SCNu32 " %15s 0x%" SCNx64 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
        &index, ret_row->iface, &tag, &ret_row->uid, &ret_row->set, &n->rx_bytes, &n->rx_packets, &n->tx_bytes,
        &n->tx_packets);

    ret_row->tag = (uint32_t)(tag >> 32);
    return got == 9;
}

struct rows {
    struct tctl_detail_row *rows;
    size_t count, room;
};

static struct tctl_detail_row *next_row(struct rows *rows)
{
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 512;
        struct tctl_detail_row *grown = reallocarray(rows->rows, room, sizeof(*grown));
        if (!grown)
            return NULL;
        rows->rows = grown;
        rows->room = room;
    }
    return &rows->rows[rows->count++];
}

struct tctl_detail_row *old_text_read(FILE *text, size_t *ret_count)
{
    _cleanup_fclose_ FILE *file = text;
    struct rows rows = {};
    char line[384];

    if (!file || !fgets(line, sizeof(line), file))
        return NULL;
    while (fgets(line, sizeof(line), file)) {
        struct tctl_detail_row *row = next_row(&rows);
        if (!row || !parse(line, row)) {
            free(rows.rows);
            return NULL;
        }
    }
    *ret_count = rows.count;
    return rows.rows;
}
