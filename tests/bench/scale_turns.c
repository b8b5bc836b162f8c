/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scale_turns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "cpu.h"
#include "lo_traffic.h"
#include "run_time.h"

#define SPARE 1024                   /* descriptors beside the sockets */
#define WINDOW_NS INT64_C(100000000) /* each stored answer is made anew once in it, however seldom its socket sends */

void turns_init(struct turns *turns)
{
    turns->sink = -1;
    for (unsigned i = 0; i < TURNS_UIDS; i++)
        turns->fds[i] = -1;
}

int turns_open(struct world *world, struct turns *turns)
{
    const struct rlimit room = {TURNS_UIDS + SPARE, TURNS_UIDS + SPARE};
    int r = setrlimit(RLIMIT_NOFILE, &room) < 0 ? -errno : 0;

    if (r == 0)
        r = lo_open(world, 0, 1, &turns->sink);
    if (r == 0)
        r = lo_open(world, APP, TURNS_UIDS, turns->fds);
    for (unsigned i = 0; i < TURNS_UIDS && r == 0; i++)
        r = lo_connect(turns->fds[i], turns->sink);
    if (r < 0)
        fprintf(stderr, "bench: sockets of %u users: %s\n", TURNS_UIDS, strerror(-r));
    return r;
}

void turns_close(struct turns *turns)
{
    lo_close(turns->fds, TURNS_UIDS);
    lo_close(&turns->sink, 1);
}

/* LO_BURST packets of the sockets whose turn it is. */
static int send_burst(const struct turns *turns, unsigned uids, unsigned packets, unsigned *next)
{
    int r = 0;

    for (unsigned sent = 0; sent < LO_BURST && r == 0; sent += packets) {
        r = lo_send(turns->fds[*next], packets);
        *next = (*next + 1) % uids;
    }
    return r ?: lo_take(turns->sink, LO_BURST);
}

/* Makes rows, storages and answers. */
static int send_each(const struct turns *turns, unsigned uids)
{
    unsigned next = 0;
    int r = 0;

    for (unsigned sent = 0; sent < uids && r == 0; sent += LO_BURST)
        r = send_burst(turns, uids, 1, &next);
    return r;
}

/* Returns how many packets it sent, or a negative errno. */
static int send_for(const struct turns *turns, unsigned uids, unsigned packets)
{
    int64_t start = clock_now_ns();
    unsigned next = 0;
    int r = 0, sent = 0;

    for (; r == 0 && clock_now_ns() - start < WINDOW_NS; sent += LO_BURST)
        r = send_burst(turns, uids, packets, &next);
    return r < 0 ? r : sent;
}

static int send_timed(const struct turns *turns, const struct competitor *competitor, unsigned uids, unsigned packets,
                      double *ret_ns)
{
    struct run_time before, after;
    int r = send_each(turns, uids) ?: run_time_read(competitor->egress, &before);

    if (r == 0)
        r = send_for(turns, uids, packets);
    if (r > 0)
        r = run_time_read(competitor->egress, &after);
    if (r == 0)
        *ret_ns = run_time_between(&before, &after);
    return r;
}

double turns_run(struct world *world, const struct turns *turns, const struct competitor *competitor, unsigned uids,
                 unsigned packets)
{
    const uint32_t last = APP + uids - 1;
    uint64_t counted = competitor_counted(competitor, last);
    double ns = -1;
    int r = lo_attach(world, competitor);

    if (r == 0)
        r = send_timed(turns, competitor, uids, packets, &ns);
    lo_detach(world, competitor);
    if (r == 0 && (competitor->who == EMPTY || competitor_counted(competitor, last) > counted))
        return ns;
    fprintf(stderr, "bench: %s, %u users: %s\n", candidate_names[competitor->who], uids,
            r < 0 ? strerror(-r) : "not counted");
    return -1;
}

double turns_time(const struct turns *turns, unsigned uids)
{
    int r = send_each(turns, uids);
    double start = cpu_ns();

    if (r == 0)
        r = send_for(turns, uids, 1);
    if (r > 0)
        return (cpu_ns() - start) / r;
    fprintf(stderr, "bench: %u users: %s\n", uids, strerror(-r));
    return -1;
}
