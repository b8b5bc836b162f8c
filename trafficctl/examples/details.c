/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * My traffic on some interfaces (none: all), by tag and set: details BPFFS [IFACE...].
 * cc details.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trafficctl/traffic.h>

int main(int argc, char **argv)
{
    const struct tctl_filter filter = {
        .has_uid = true,
        .uid = getuid(),
        .ifaces = (const char *const *)argv + 2,
        .iface_count = argc > 2 ? (size_t)argc - 2 : 0,
    };
    struct tctl *traffic = NULL;
    struct tctl_detail_row *rows = NULL;
    size_t count = 0;
    int r = tctl_open(argc > 1 ? argv[1] : NULL, &traffic);

    if (r == 0)
        r = tctl_read_details(traffic, &filter, &rows, &count);
    if (r < 0)
        fprintf(stderr, "not read: %s\n", strerror(-r));
    for (size_t i = 0; i < count; i++)
        printf("%s tag 0x%" PRIx32 " set %" PRIu32 ": received %" PRIu64 " bytes, sent %" PRIu64 "\n", rows[i].iface,
               rows[i].tag, rows[i].set, rows[i].counters.rx_bytes, rows[i].counters.tx_bytes);
    free(rows);
    tctl_close(traffic);
    return r < 0;
}
