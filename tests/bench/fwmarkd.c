/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmarkd.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fwmarkd_clients.h"
#include "fwmarkd_server.h"
#include "rounds.h"
#include "world.h"

#define AIM_RATE 0.8
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
    for (int i = 0; i < ROUNDS; i++)
        figures->ratio.round[i] = figures->ours.round[i] / figures->other.round[i];
    figure_finish(&figures->ours);
    figure_finish(&figures->other);
    figure_finish(&figures->ratio);
}

static int compare_rates(struct clients *clients, size_t count, unsigned tags, const char *ours, const char *bare)
{
    struct figures figures;
    char label[64];

    for (int round = 0; round < ROUNDS; round++) {
        double a = clients_run(clients, count, ours, tags, WINDOW_MS);
        double b = clients_run(clients, count, bare, tags, WINDOW_MS);

        if (a < 0 || b < 0)
            return failed("tagging", a < 0 ? a : b);
        figures.ours.round[round] = a;
        figures.other.round[round] = b;
    }
    finish(&figures);
    snprintf(label, sizeof(label), "tags/s, %zu client%s, %s tag", count, count > 1 ? "s" : "",
             tags == SAME_TAG ? "same" : "another");
    ratios_print(label, &figures.ratio, AT_LEAST, AIM_RATE);
    printf("  %-34s %.0f ± %.0f (bare %.0f ± %.0f)\n", "", figures.ours.median, figures.ours.spread / 2,
           figures.other.median, figures.other.spread / 2);
    return 0;
}

static int compare_p99(struct clients *clients, const char *ours)
{
    struct figures figures;

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
    ratios_print("p99, 500 hostile peers / none", &figures.ratio, AT_MOST, AIM_P99);
    printf("  %-34s %.0f us ± %.0f (without %.0f us ± %.0f); half are silent, half have sent half a message\n", "",
           figures.ours.median, figures.ours.spread / 2, figures.other.median, figures.other.spread / 2);
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
    puts("fwmarkd: trafficd / a server that takes the message, answers and closes");
    r = fwmarkd_server_start(&bare, world->folder);
    r = r < 0 ? failed(bare.path, r) : compare_all(world, &bare);
    fwmarkd_server_end(&bare);
    world_free(world);
    return r;
}
