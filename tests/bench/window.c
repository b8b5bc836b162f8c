/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "window.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "cpu.h"

#define SECOND_NS INT64_C(1000000000)
#define WARM_NS (SECOND_NS / 200)
#define WINDOW_NS (SECOND_NS * 3 / 100)
#define PASSES_MAX 4096

struct passes {
    size_t count;
    int64_t ns[PASSES_MAX];
};

/* For so long and until a pass ends: what is a hundred times slower takes no longer. */
static int run_for(int (*pass)(void *arg), void *arg, int64_t ns, struct passes *passes)
{
    int64_t start = clock_now_ns(), before = start;

    for (passes->count = 0; before - start < ns && passes->count < PASSES_MAX; passes->count++) {
        int r = pass(arg);
        if (r < 0)
            return r;
        int64_t now = clock_now_ns();
        passes->ns[passes->count] = now - before;
        before = now;
    }
    return 0;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int64_t window_rate(int (*pass)(void *arg), void *arg, unsigned things)
{
    static struct passes passes;
    cpu_set_t before;

    cpu_stay(CPU_LAST, &before);
    int r = run_for(pass, arg, WARM_NS, &passes);
    if (r == 0)
        r = run_for(pass, arg, WINDOW_NS, &passes);
    sched_setaffinity(0, sizeof(before), &before);
    if (r < 0)
        return r;
    qsort(passes.ns, passes.count, sizeof(passes.ns[0]), by_size);
    return things * SECOND_NS / passes.ns[passes.count / 2];
}
