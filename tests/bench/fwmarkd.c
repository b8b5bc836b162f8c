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

static int failed(const char *what, double r)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror((int)-r));
    return 1;
}

/* Who tags, and whom they ask. */
struct scene {
    struct clients users, root;
    const char *ours, *bare;
};

/* One kind of work, by three competitors. */
struct rates {
    struct figure ours, bare, library;
};

static int measure_rates(struct scene *scene, size_t count, unsigned tags, struct rates *rates)
{
    for (int round = 0; round < ROUNDS; round++) {
        double a = clients_run(&scene->users, count, scene->ours, tags, WINDOW_MS);
        double b = a < 0 ? a : clients_run(&scene->users, count, scene->bare, tags, WINDOW_MS);
        double c = b < 0 ? b : clients_run(&scene->root, count, NULL, tags, WINDOW_MS);

        if (c < 0)
            return failed("tagging", c);
        rates->ours.round[round] = a;
        rates->bare.round[round] = b;
        rates->library.round[round] = c;
    }
    figure_finish(&rates->ours);
    figure_finish(&rates->bare);
    figure_finish(&rates->library);
    return 0;
}

static void say(const char *who, const char *work, const struct figure *figure)
{
    char name[96];

    snprintf(name, sizeof(name), "%s, %s", who, work);
    results_figure(name, figure);
}

static void say_ratio(const char *who, const char *work, const struct figure *figure, const struct figure *bare,
                      const struct aim *aim)
{
    const struct figure ratio = figure_ratio(figure, bare);
    char name[96];

    snprintf(name, sizeof(name), "%s / bare, %s", who, work);
    results_ratio(name, &ratio, aim);
}

static int compare_rates(struct scene *scene, size_t count, unsigned tags)
{
    static const struct aim aim = {MORE, AIM_RATE};
    struct rates rates = {};
    char work[48];

    if (measure_rates(scene, count, tags, &rates))
        return 1;
    snprintf(work, sizeof(work), "%zu client%s, %s tag", count, count > 1 ? "s" : "",
             tags == SAME_TAG ? "the same" : "another");
    say("bare", work, &rates.bare);
    say("trafficd", work, &rates.ours);
    say("library", work, &rates.library);
    say_ratio("trafficd", work, &rates.ours, &rates.bare, &aim);
    say_ratio("library", work, &rates.library, &rates.bare, NULL);
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
    struct figure alone = {}, beside = {}, ratio;

    for (int round = 0; round < ROUNDS; round++) {
        double r = clients_run(clients, HONEST, ours, SAME_TAG, WINDOW_MS);
        if (r < 0)
            return failed("tagging", r);
        alone.round[round] = clients_p99(clients, HONEST) / 1000;
        pid_t hostile = hostile_peers_start(ours, HOSTILE_PEERS);
        if (hostile < 0)
            return failed("hostile peers", hostile);
        r = clients_run(clients, HONEST, ours, SAME_TAG, WINDOW_MS);
        beside.round[round] = clients_p99(clients, HONEST) / 1000;
        hostile_peers_end(hostile);
        if (r < 0)
            return failed("tagging beside hostile peers", r);
    }
    figure_finish(&alone);
    figure_finish(&beside);
    ratio = figure_ratio(&beside, &alone);
    results_table(&table);
    results_figure("without them", &alone);
    results_figure("beside them", &beside);
    results_ratio("beside them / without", &ratio, &aim);
    return 0;
}

static int compare_all(struct world *world, const struct fwmarkd_server *bare)
{
    struct scene scene = {.ours = world->fwmarkd, .bare = bare->path};
    int r = clients_start(&scene.users, NULL);

    if (r == 0)
        r = clients_start(&scene.root, world->bpffs);
    r = r < 0 ? failed("clients", r)
              : compare_rates(&scene, 1, SAME_TAG) || compare_rates(&scene, CLIENTS_MAX, SAME_TAG) ||
                    compare_rates(&scene, 1, OTHER_TAG) || compare_rates(&scene, CLIENTS_MAX, OTHER_TAG) ||
                    compare_p99(&scene.users, scene.ours);
    clients_end(&scene.users);
    clients_end(&scene.root);
    return r;
}

int fwmarkd_compare(void)
{
    static const struct table table = {
        .id = "tagging",
        .title = "Tagging through fwmarkd",
        .unit = "tags/s",
        .how = "Round trips of the library's client, each a connection, beside a bare server of one thread, which asks "
               "who connects, takes a message and its descriptor, answers and closes. library: no server, root's "
               "processes tag at the maps.",
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
