/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "old_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"

static const char HEADER[] =
    "idx iface acct_tag_hex uid_tag_int cnt_set rx_bytes rx_packets tx_bytes tx_packets rx_tcp_bytes rx_tcp_packets "
    "rx_udp_bytes rx_udp_packets rx_other_bytes rx_other_packets tx_tcp_bytes tx_tcp_packets tx_udp_bytes "
    "tx_udp_packets tx_other_bytes tx_other_packets\n";

/* All of it was TCP. */
static void write_row(FILE *file, size_t index, const struct tctl_detail_row *row)
{
    const struct tctl_counters *n = &row->counters;

    fprintf(file, "%zu %s 0x%" PRIx64 " %u %u ", index, row->iface, (uint64_t)row->tag << 32, row->uid, row->set);
    fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, n->rx_bytes, n->rx_packets, n->tx_bytes,
            n->tx_packets);
    fprintf(file, " %" PRIu64 " %" PRIu64 " 0 0 0 0 %" PRIu64 " %" PRIu64 " 0 0 0 0\n", n->rx_bytes, n->rx_packets,
            n->tx_bytes, n->tx_packets);
}

int old_text_write(const char *path, const struct tctl_detail_row *rows, size_t count)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return -errno;
    fputs(HEADER, file);
    for (size_t i = 0; i < count; i++)
        write_row(file, i + 2, &rows[i]);
    return fclose(file) ? -errno : 0;
}

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

struct tctl_detail_row *old_text_read(const char *path, size_t *ret_count)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");
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
