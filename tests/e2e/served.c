/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "served.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit.h"

struct told {
    struct tctl_detail_row *rows;
    size_t count;
};

static bool is_less(const struct tctl_counters *now, const struct tctl_counters *before)
{
    return now->rx_packets < before->rx_packets || now->rx_bytes < before->rx_bytes ||
           now->tx_packets < before->tx_packets || now->tx_bytes < before->tx_bytes;
}

static const struct tctl_detail_row *find(const struct told *told, const struct tctl_detail_row *wanted)
{
    for (size_t i = 0; i < told->count; i++)
        if (told->rows[i].uid == wanted->uid && strcmp(told->rows[i].iface, wanted->iface) == 0)
            return &told->rows[i];
    return NULL;
}

static int compare(const struct told *before, const struct told *now)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct tctl_detail_row *was = &before->rows[i], *is = find(now, was);

        if (is && !is_less(&is->counters, &was->counters))
            continue;
        fprintf(stderr, "UID %u at %s: %lu packets sent and %lu received, after %lu and %lu\n", was->uid, was->iface,
                is ? is->counters.tx_packets : 0, is ? is->counters.rx_packets : 0, was->counters.tx_packets,
                was->counters.rx_packets);
        return -ERANGE;
    }
    return 0;
}

static int read_once(struct tctl *traffic, struct told *told)
{
    struct told now = {0};
    int r = tctl_read_details(traffic, NULL, &now.rows, &now.count);

    if (r == 0)
        r = compare(told, &now);
    free(told->rows);
    *told = now;
    return r;
}

/* Tells how often he has read whenever he is asked. */
static int read_on(int channel, struct tctl *traffic, struct told *told)
{
    struct pollfd asked = {.fd = channel, .events = POLLIN};
    uint64_t count = 0, word;
    int r = 0;

    while (r == 0) {
        r = read_once(traffic, told);
        count++;
        if (r == 0 && poll(&asked, 1, 0) > 0) {
            r = channel_recv(channel, &word);
            if (r == -EPIPE)
                return 0;
            r = channel_send(channel, count);
        }
    }
    fprintf(stderr, "reading %lu: %s\n", count, strerror(-r));
    return r;
}

static int reader(int channel, void *unused)
{
    struct told told = {0};
    struct tctl *traffic = NULL;
    int r = tctl_open(the_world->bpffs, &traffic);

    (void)unused;
    if (r == 0)
        r = read_on(channel, traffic, &told);
    free(told.rows);
    tctl_close(traffic);
    return r;
}

static uint64_t count_of(struct served *served)
{
    uint64_t count = 0;

    assert_int_equal(channel_send(served->reader.channel, 0), 0);
    assert_int_equal(channel_recv(served->reader.channel, &count), 0);
    return count;
}

void served_start(struct served *served, uid_t member)
{
    assert_int_equal(actor_start(the_world, PLACE_A, member, reader, NULL, &served->reader), 0);
    count_of(served);
}

void served_end(struct served *served)
{
    uint64_t count = count_of(served);

    assert_true(count_of(served) > count);
    assert_int_equal(actor_wait(&served->reader), 0);
}
