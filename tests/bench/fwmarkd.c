/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmarkd.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fwmarkd_clients.h"
#include "fwmarkd_server.h"
#include "results.h"
#include "world.h"

#define AIM_RATE 0.9
#define AIM_P99 2.0
#define HOSTILE_PEERS 500
#define HONEST 2
#define WINDOW_MS 200
/* What a client gives its socket: the tag that it has already, which costs less, or another one each time. */
#define SAME_TAG 1
#define OTHER_TAG 2

struct figures {
    struct figure ours, other, ratio;
};

static int failed(const char *what, double r)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror((int)-r));
    return 1;
}

static void finish(struct figures *figures)
{
    figure_finish(&figures->ours);
    figure_finish(&figures->other);
    figures->ratio = figure_ratio(&figures->ours, &figures->other);
}

static int compare_rates(struct clients *clients, size_t count, unsigned tags, const char *ours, const char *bare)
{
    static const struct aim aim = {MORE, AIM_RATE};
    struct figures figures = {};
    char work[48], name[96];

    for (int round = 0; round < ROUNDS; round++) {
        double a = clients_run(clients, count, ours, tags, WINDOW_MS);
        double b = clients_run(clients, count, bare, tags, WINDOW_MS);

        if (a < 0 || b < 0)
            return failed("tagging", a < 0 ? a : b);
        figures.ours.round[round] = a;
        figures.other.round[round] = b;
    }
    finish(&figures);
    snprintf(work, sizeof(work), "%zu client%s, %s tag", count, count > 1 ? "s" : "",
             tags == SAME_TAG ? "the same" : "another");
    snprintf(name, sizeof(name), "bare, %s", work);
    results_figure(name, &figures.other);
    snprintf(name, sizeof(name), "trafficd, %s", work);
    results_figure(name, &figures.ours);
    snprintf(name, sizeof(name), "trafficd / bare, %s", work);
    results_ratio(name, &figures.ratio, &aim);
    return 0;
}

static int compare_p99(struct clients *clients, const char *ours)
{
    static const struct table table = {
        .id = "tagging_beside_hostile",
        .title = "The slowest tags beside hostile peers",
        .unit = "us",
        .how = "99th percentile of two clients' round trips, alone and beside 500 peers, half of them silent and half "
               "of them with half a message sent.",
    };
    static const struct aim aim = {LESS, AIM_P99};
    struct figures figures = {};

    for (int round = 0; round < ROUNDS; round++) {
        double r = clients_run(clients, HONEST, ours, SAME_TAG, WINDOW_MS);
        if (r < 0)
            return failed("tagging", r);
        figures.other.round[round] = clients_p99(clients, HONEST) / 1000;
        pid_t hostile = hostile_peers_start(ours, HOSTILE_PEERS);
        if (hostile < 0)
            return failed("hostile peers", hostile);
        r = clients_run(clients, HONEST, ours, SAME_TAG, WINDOW_MS);
        figures.ours.round[round] = clients_p99(clients, HONEST) / 1000;
        hostile_peers_end(hostile);
        if (r < 0)
            return failed("tagging beside hostile peers", r);
    }
    finish(&figures);
    results_table(&table);
    results_figure("without them", &figures.other);
    results_figure("beside them", &figures.ours);
    results_ratio("beside them / without", &figures.ratio, &aim);
    return 0;
}

static int compare_all(struct world *world, const struct fwmarkd_server *bare)
{
    struct clients clients;
    int r = clients_start(&clients);

    r = r < 0 ? failed("clients", r)
              : compare_rates(&clients, 1, SAME_TAG, world->fwmarkd, bare->path) ||
                    compare_rates(&clients, CLIENTS_MAX, SAME_TAG, world->fwmarkd, bare->path) ||
                    compare_rates(&clients, 1, OTHER_TAG, world->fwmarkd, bare->path) ||
                    compare_rates(&clients, CLIENTS_MAX, OTHER_TAG, world->fwmarkd, bare->path) ||
                    compare_p99(&clients, world->fwmarkd);
    clients_end(&clients);
    return r;
}

int fwmarkd_compare(void)
{
    static const struct table table = {
        .id = "tagging",
        .title = "Tagging through fwmarkd",
        .unit = "tags/s",
        .how = "Round trips of the library's client, beside a bare server, which takes the message and its descriptor, "
               "answers and closes.",
        .better = MORE,
    };
    struct fwmarkd_server bare = {0};
    struct world *world = NULL;
    struct rlimit files;
    int r = world_new(&(struct world_options){0}, &world);

    if (r < 0)
        return 1;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    results_table(&table);
    r = fwmarkd_server_start(&bare, world->folder);
    r = r < 0 ? failed(bare.path, r) : compare_all(world, &bare);
    fwmarkd_server_end(&bare);
    world_free(world);
    return r;
}
