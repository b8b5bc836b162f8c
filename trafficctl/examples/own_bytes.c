/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What I have sent and received: own_bytes [BPFFS].
 * cc own_bytes.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <trafficctl/traffic.h>

int main(int argc, char **argv)
{
    struct tctl *traffic = NULL;
    struct tctl_counters own = {0};
    int r = tctl_open(argc > 1 ? argv[1] : NULL, &traffic);

    if (r == 0)
        r = tctl_read_uid(traffic, getuid(), &own);
    if (r < 0)
        fprintf(stderr, "not read: %s (is trafficd running, and are you in read_group?)\n", strerror(-r));
    else
        printf("received %" PRIu64 " bytes, sent %" PRIu64 " bytes\n", own.rx_bytes, own.tx_bytes);
    tctl_close(traffic);
    return r < 0;
}
