/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "churn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "candidates.h"
#include "cleanup.h"
#include "clock.h"
#include "cpu.h"
#include "fd.h"
#include "lo_traffic.h"
#include "results.h"
#include "run_time.h"
#include "test_run.h"
#include "traffic_abi.h"

#define PACKETS 10000 /* of one round of one */

/* Re-tags for 1000 packets. At 500,000 packets/s, 2 are 1000 re-tags a second and 20 are 10,000. */
static const unsigned pace[] = {0, 2, 20, 100};
#define PACES ARRAY_SIZE(pace)

struct churn {
    struct competitor competitors[COMPARED];
    struct world *world;
    int fds[2]; /* the first one sends and is tagged */
    uint64_t cookie;
    struct figure packet[PACES][COMPARED], tag[COMPARED];
};

/* As netd does, and as our library does when it has made sure of limits: then what was resolved is replaced too. */
static int retag(const struct churn *churn, const struct competitor *competitor, unsigned number)
{
    const struct tctl_tag tag = {.uid = APP, .tag = APP_TAG + number % 2};
    const struct tctl_socket none = {0};
    int r = bpf_map_update_elem(competitor->cookie_tag, &churn->cookie, &tag, BPF_ANY);

    return r < 0 || competitor->storage < 0 ? r
                                            : bpf_map_update_elem(competitor->storage, &churn->fds[0], &none, BPF_ANY);
}

/* ret_tag_ns: what re-tagging took in all. */
static int send_and_tag(const struct churn *churn, const struct competitor *competitor, unsigned per_thousand,
                        int64_t *ret_tag_ns)
{
    const unsigned burst = per_thousand && 1000 / per_thousand < LO_BURST ? 1000 / per_thousand : LO_BURST;
    unsigned tagged = 0;
    int r = 0;

    *ret_tag_ns = 0;
    for (unsigned sent = 0; sent < PACKETS && r == 0; sent += burst) {
        if (per_thousand && tagged < sent / 1000.0 * per_thousand && competitor->who != EMPTY) {
            int64_t start = clock_now_ns();

            r = retag(churn, competitor, ++tagged);
            *ret_tag_ns += clock_now_ns() - start;
        }
        r = r ?: lo_pass(churn->fds[0], churn->fds[1], burst);
    }
    *ret_tag_ns = tagged ? *ret_tag_ns / tagged : 0;
    return r;
}

static int run_one(struct churn *churn, size_t at, enum who who, int round)
{
    const struct competitor *competitor = &churn->competitors[who];
    uint64_t counted = competitor_counted(competitor, APP);
    struct run_time before, after;
    int64_t tag_ns = 0;
    int r = lo_attach(churn->world, competitor) ?: run_time_read(competitor->egress, &before);

    if (r == 0)
        r = send_and_tag(churn, competitor, pace[at], &tag_ns) ?: run_time_read(competitor->egress, &after);
    lo_detach(churn->world, competitor);
    if (r == 0 && who != EMPTY && competitor_counted(competitor, APP) - counted < PACKETS)
        r = -ENODATA;
    if (r < 0) {
        fprintf(stderr, "bench: tags of %s: %s\n", candidate_names[who], strerror(-r));
        return 1;
    }
    churn->packet[at][who].round[round] = run_time_between(&before, &after);
    churn->tag[who].round[round] = (double)tag_ns; /* the last pace's stays */
    return 0;
}

static uint64_t packets_under(const struct competitor *competitor, uint32_t tag)
{
    const struct tctl_stats_value sum = competitor_counted_tag(competitor, APP, tag);

    return sum.rx_packets + sum.tx_packets;
}

/* Both tags' turns came, half the time each, but for what was sent before the first re-tag. */
static int check(const struct churn *churn)
{
    for (enum who who = EMPTY + 1; who < COMPARED; who++) {
        const struct competitor *competitor = &churn->competitors[who];
        uint64_t one = packets_under(competitor, APP_TAG), other = packets_under(competitor, APP_TAG + 1);

        if (one + other == competitor_counted(competitor, APP) && other > one / 4)
            continue;
        fprintf(stderr, "bench: %s: packets under two tags: %llu and %llu\n", candidate_names[who],
                (unsigned long long)one, (unsigned long long)other);
        return 1;
    }
    return 0;
}

static int measure(struct churn *churn)
{
    for (int round = 0; round < ROUNDS; round++)
        for (size_t at = 0; at < PACES; at++)
            for (enum who who = EMPTY; who < COMPARED; who++)
                if (run_one(churn, at, who, round))
                    return 1;
    for (enum who who = EMPTY + 1; who < COMPARED; who++) {
        figure_finish(&churn->tag[who]);
        for (size_t at = 0; at < PACES; at++)
            churn->packet[at][who] = figure_less(&churn->packet[at][who], &churn->packet[at][EMPTY]);
    }
    return 0;
}

static void tell_packets(const struct churn *churn)
{
    static const struct table table = {
        .id = "churn_packet",
        .title = "Packets of a socket that is tagged anew all the time",
        .unit = "ns",
        .how = "The kernel's own time of the outgoing program on loopback, three chains on, less the empty program; "
               "the socket gets another tag so often.",
        .x = "re-tags for 1000 packets",
    };

    results_table(&table);
    for (enum who who = EMPTY + 1; who < COMPARED; who++)
        for (size_t at = 0; at < PACES; at++)
            results_point(candidate_names[who], pace[at], &churn->packet[at][who]);
    for (enum who who = EMPTY + 1; who < COMPARED; who++) {
        const struct figure ratio = figure_ratio(&churn->packet[2][who], &churn->packet[0][who]);
        char what[96];

        snprintf(what, sizeof(what), "%s, %u re-tags for 1000 packets / none", candidate_names[who], pace[2]);
        results_ratio(what, &ratio, NULL);
    }
    results_note("At 500,000 packets a second, 20 re-tags for 1000 packets are 10,000 a second.");
}

static void tell_tags(const struct churn *churn)
{
    static const struct table table = {
        .id = "churn_tag",
        .title = "The writes of a re-tag",
        .unit = "ns",
        .how = "The cookie's row, and for ours an empty answer in the place of the stored one, so that the very next "
               "packet has the new tag; between packets, without asking who may.",
    };

    results_table(&table);
    for (enum who who = EMPTY + 1; who < COMPARED; who++)
        results_figure(candidate_names[who], &churn->tag[who]);
}

static int begin(struct churn *churn)
{
    const struct world_options options = {.no_daemon = true};
    socklen_t size = sizeof(churn->cookie);
    int r = world_new(&options, &churn->world);

    if (r == 0)
        r = lo_open(churn->world, APP, 2, churn->fds) ?: lo_connect(churn->fds[0], churn->fds[1]);
    if (r == 0 && getsockopt(churn->fds[0], SOL_SOCKET, SO_COOKIE, &churn->cookie, &size) < 0)
        r = -errno;
    for (enum who who = EMPTY; who < COMPARED && r == 0; who++)
        r = lo_tag(&churn->competitors[who], churn->fds, 1, APP);
    if (r < 0)
        fprintf(stderr, "bench: a tagged socket: %s\n", strerror(-r));
    return r;
}

int churn_compare(void)
{
    struct churn churn = {.competitors = {[0 ... COMPARED - 1] = NO_COMPETITOR}, .fds = {-1, -1}};
    _cleanup_fd_ int stats = run_time_switch_on();
    cpu_set_t before;
    int failed;

    cpu_stay(CPU_LAST, &before);
    failed = stats < 0 || competitors_load(2, false, churn.competitors) < 0 ||
             competitors_check(churn.competitors) < 0 || begin(&churn) < 0 || measure(&churn) || check(&churn);
    if (!failed) {
        tell_packets(&churn);
        tell_tags(&churn);
    }
    lo_close(churn.fds, ARRAY_SIZE(churn.fds));
    world_free(churn.world);
    competitors_done(churn.competitors);
    sched_setaffinity(0, sizeof(before), &before);
    return failed;
}
