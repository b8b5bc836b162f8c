/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scale_whole.h"

#include <stdio.h>
#include <string.h>

#include "lo_traffic.h"
#include "results.h"
#include "scale_nft.h"

/* As scale_lines, but that nothing is in the place of the empty program, and nft after them. */
enum { NOTHING = 0, NFT = SCALE_LINES - 1, LINES };

static const char *name_of(int line)
{
    return line == NOTHING ? "nothing"
           : line == NFT   ? "nft, a list and a dynamic set"
                           : candidate_names[scale_lines[line]];
}

static double run_nft(const struct scale *scale, unsigned uids)
{
    int r = scale_nft_load(scale->world, APP, uids);
    double ns = r < 0 ? -1 : turns_time(&scale->turns, uids);

    if (r == 0)
        r = scale_nft_check(scale->world, APP + uids - 1);
    scale_nft_unload(scale->world);
    if (r < 0)
        fprintf(stderr, "bench: nft: %s\n", strerror(-r));
    return r < 0 ? -1 : ns;
}

static double run_one(const struct scale *scale, size_t size, int line)
{
    const struct competitor *competitor = line == NOTHING ? NULL : &scale->competitors[size][line];
    double ns = -1;

    if (line == NFT)
        return run_nft(scale, scale_sizes[size]);
    if (lo_attach(scale->world, competitor) == 0)
        ns = turns_time(&scale->turns, scale_sizes[size]);
    lo_detach(scale->world, competitor);
    return ns;
}

static int measure(const struct scale *scale, struct figure figures[SCALE_SIZES][LINES])
{
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t size = 0; size < SCALE_SIZES; size++) {
            for (int line = 0; line < LINES; line++) {
                figures[size][line].round[round] = run_one(scale, size, line);
                if (figures[size][line].round[round] < 0)
                    return 1;
            }
        }
    }
    for (size_t size = 0; size < SCALE_SIZES; size++)
        for (int line = 0; line < LINES; line++)
            figure_finish(&figures[size][line]);
    return 0;
}

static void tell(struct figure figures[SCALE_SIZES][LINES])
{
    for (int line = 0; line < LINES; line++)
        for (size_t size = 0; size < SCALE_SIZES; size++)
            results_point(name_of(line), scale_sizes[size], &figures[size][line]);
    for (int line = 0; line < LINES; line++) {
        const struct figure ratio = figure_ratio(&figures[SCALE_SIZES - 1][line], &figures[0][line]);
        char what[96];

        snprintf(what, sizeof(what), "%s, 10,000 UIDs / 10", name_of(line));
        results_ratio(what, &ratio, NULL);
    }
}

int scale_whole_compare(struct scale *scale)
{
    static const struct table table = {
        .id = "scale_whole",
        .title = "Many UIDs, the whole way of a packet",
        .unit = "ns",
        .how = "CPU time of sending and taking one small packet of each UID's socket in turn, on loopback; programs "
               "count both directions, nft the outgoing one alone.",
        .x = "UIDs",
    };
    struct figure figures[SCALE_SIZES][LINES] = {};

    if (measure(scale, figures))
        return 1;
    results_table(&table);
    tell(figures);
    return 0;
}
