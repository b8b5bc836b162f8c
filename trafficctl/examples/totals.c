/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Who has used how much, and all interfaces together: totals [BPFFS].
 * cc totals.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trafficctl/traffic.h>

static void show(const char *of, uint32_t uid, const struct tctl_counters *counters)
{
    printf("%s %" PRIu32 ": received %" PRIu64 " bytes, sent %" PRIu64 "\n", of, uid, counters->rx_bytes,
           counters->tx_bytes);
}

int main(int argc, char **argv)
{
    struct tctl *traffic = NULL;
    struct tctl_uid_row *rows = NULL;
    struct tctl_counters all;
    size_t count = 0;
    int r = tctl_open(argc > 1 ? argv[1] : NULL, &traffic);

    if (r == 0)
        r = tctl_read_uids(traffic, &rows, &count);
    if (r == 0)
        r = tctl_read_iface(traffic, NULL, &all);
    if (r < 0)
        fprintf(stderr, "not read: %s\n", strerror(-r));
    for (size_t i = 0; i < count && r == 0; i++)
        show("uid", rows[i].uid, &rows[i].counters);
    if (r == 0)
        show("interfaces", 0, &all);
    free(rows);
    tctl_close(traffic);
    return r < 0;
}
