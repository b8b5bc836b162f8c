/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "replace.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "fd.h"
#include "results.h"
#include "world.h"

#define AIM_TIME 1.0
#define USERS 4000
#define FIRST 10000 /* two lists, which have nobody in common */

enum way { NFT, RUNTIME, SAVED, WAYS };

/* Files for the n-th list are in the folder of the world. */
static FILE *open_file(const struct world *world, const char *name, unsigned n)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s%u", world->folder, name, n);
    FILE *file = fopen(path, "we");
    if (!file)
        fprintf(stderr, "bench: cannot write %s\n", path);
    return file;
}

static int write_list(const struct world *world, unsigned n)
{
    FILE *file = open_file(world, "list", n);

    for (uint32_t i = 0; file && i < USERS; i++)
        fprintf(file, "%u\n", FIRST + n * USERS + i);
    return file ? fclose(file) : -1;
}

/* One transaction, as ours is one change. The 0th makes table and set before. */
static int write_ruleset(const struct world *world, unsigned n)
{
    FILE *file = open_file(world, "nft", n);

    if (!file)
        return -1;
    if (n == 0)
        fputs("add table inet bench\nadd set inet bench users { type uid; }\n"
              "add chain inet bench out { type filter hook output priority 0; }\n"
              "flush chain inet bench out\nadd rule inet bench out meta skuid @users drop\n",
              file);
    fputs("flush set inet bench users\nadd element inet bench users { ", file);
    for (uint32_t i = 0; i < USERS; i++)
        fprintf(file, "%s%u", i ? ", " : "", FIRST + n % 2 * USERS + i);
    fputs(" }\n", file);
    return fclose(file);
}

static void remove_files(const struct world *world)
{
    static const char *const names[] = {"list0", "list1", "nft0", "nft1", "nft2"};
    char path[128];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", world->folder, names[i]);
        remove(path);
    }
}

/* Each way finds the other list than its own. */
static int run(struct world *world, enum way way, unsigned round)
{
    const char *folder = world->folder;

    if (way == NFT)
        return world_run(world, PLACE_B, "nft -f %s/nft%u", folder, 1 + round % 2);
    return world_run(world, PLACE_A, TCTL_BUILD "/trafficctl --bpffs %s firewall replace %s dozable %s/list%d",
                     world->bpffs, way == RUNTIME ? "--runtime" : "", folder, way == SAVED);
}

/* From its start to its exit, ms. */
static double time_of(struct world *world, enum way way, unsigned round)
{
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    int r = run(world, way, round);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return r < 0 ? -1 : (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
}

/* After the last round: both have the second list, and nobody of the first. */
static int check(struct world *world)
{
    const uint32_t gone = FIRST + USERS - 1, listed = FIRST + USERS;
    _cleanup_fd_ int map = world_map(world, "traffic_dozable_uid_map");
    uint8_t value;

    if (bpf_map_lookup_elem(map, &listed, &value) < 0 || bpf_map_lookup_elem(map, &gone, &value) == 0 ||
        world_run(world, PLACE_B, "nft delete element inet bench users { %u }", listed) < 0) {
        fprintf(stderr, "bench: a list of users was not replaced\n");
        return 1;
    }
    return 0;
}

static int measure(struct world *world, struct figure figures[WAYS])
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (enum way way = NFT; way < WAYS; way++) {
            figures[way].round[round] = time_of(world, way, round);
            if (figures[way].round[round] < 0)
                return 1;
        }
    }
    for (enum way way = NFT; way < WAYS; way++)
        figure_finish(&figures[way]);
    return 0;
}

static int compare(struct world *world)
{
    static const struct table table = {
        .id = "replace",
        .title = "A new list of 4000 users",
        .unit = "ms",
        .how = "As a process from its start to its exit, beside nft, which empties and fills the set of a rule.",
    };
    static const char *const names[WAYS] = {
        [NFT] = "nft -f", [RUNTIME] = "trafficctl --runtime", [SAVED] = "trafficctl, saved too"};
    static const struct aim aim = {LESS, AIM_TIME};
    struct figure figures[WAYS] = {};

    if (measure(world, figures) || check(world))
        return 1;
    results_table(&table);
    for (enum way way = NFT; way < WAYS; way++)
        results_figure(names[way], &figures[way]);
    for (enum way way = NFT + 1; way < WAYS; way++) {
        const struct figure ratio = figure_ratio(&figures[way], &figures[NFT]);
        char what[64];

        snprintf(what, sizeof(what), "%s / %s", names[way], names[NFT]);
        results_ratio(what, &ratio, &aim);
    }
    return 0;
}

static int write_files(const struct world *world)
{
    return write_list(world, 0) || write_list(world, 1) || write_ruleset(world, 0) || write_ruleset(world, 1) ||
           write_ruleset(world, 2);
}

/* A table with nft's set, a chain that is on, and in both a list already. */
static int begin(struct world *world)
{
    return world_run(world, PLACE_B, "nft -f %s/nft0", world->folder)
               ?: world_run(world, PLACE_A, TCTL_BUILD "/trafficctl --bpffs %s firewall enable dozable", world->bpffs)
               ?: run(world, SAVED, 0);
}

/* Room for both lists at once: who is new on an allow list is on it before anybody leaves it. */
int replace_compare(void)
{
    const struct world_options options = {.config = "app_uids = 10000-20000\n[maps]\ndozable_uid = 8001\n"};
    struct world *world = NULL;

    if (world_new(&options, &world) < 0)
        return 1;
    int failed = write_files(world) || begin(world) < 0 || compare(world);
    remove_files(world);
    world_free(world);
    return failed;
}
