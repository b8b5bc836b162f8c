/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Say what the firewall drops, as it happens, so many times: events BPFFS COUNT. As root.
 * cc events.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trafficctl/events.h>

static int show(void *left, const struct tctl_firewall_event *event)
{
    printf("%" PRIu32 " %s: %s\n", event->uid, event->out ? "out" : "in", event->reason);
    --*(int *)left;
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    struct tctl_events *events = NULL;
    int left = argc > 2 ? atoi(argv[2]) : 1;
    int r = tctl_events_open(argc > 1 ? argv[1] : NULL, &events);

    fprintf(stderr, "%s\n", r < 0 ? strerror(-r) : "listening");
    while (r == 0 && left > 0) {
        struct pollfd wait = {.fd = tctl_events_fd(events), .events = POLLIN};
        poll(&wait, 1, 1000); /* everything may have been unloaded: that poll(2) does not tell */
        r = tctl_events_read(events, show, &left);
    }
    tctl_events_close(events);
    return r < 0;
}
