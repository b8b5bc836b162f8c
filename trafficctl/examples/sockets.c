/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Tagged sockets, as root or in accounting_group: sockets [BPFFS].
 * cc sockets.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trafficctl/maps.h>

int main(int argc, char **argv)
{
    struct tctl_maps *maps = NULL;
    struct tctl_socket_row *rows = NULL;
    size_t count = 0;
    int r = tctl_maps_open(argc > 1 ? argv[1] : NULL, &maps);

    if (r == 0)
        r = tctl_maps_read_sockets(maps, &rows, &count);
    if (r < 0)
        fprintf(stderr, "not read: %s\n", strerror(-r));
    for (size_t i = 0; i < count; i++)
        printf("cookie %" PRIu64 ": uid %" PRIu32 ", tag 0x%" PRIx32 "\n", rows[i].cookie, rows[i].uid, rows[i].tag);
    free(rows);
    tctl_maps_close(maps);
    return r < 0;
}
