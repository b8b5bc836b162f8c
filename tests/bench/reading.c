/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "reading.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "cpu.h"
#include "fd.h"
#include "old_text.h"
#include "proc_text.h"
#include "results.h"
#include "traffic_abi.h"
#include "world.h"

#define AIM_BY_KEY 0.13
#define AIM_TEXT 0.05
#define ROWS 10000u
#define REPEAT 5

/* What is read: two maps, by a handle and by their pins, and their rows as a text. */
struct rows {
    struct tctl *traffic;
    int map[2]; /* without a tag, with one */
    unsigned int cpus;
    struct proc_text *proc;
    char file[128];              /* the same text once more */
    struct tctl_stats_key *keys; /* room for all of one map */
    struct tctl_stats_value *values;
};

static void rows_done(struct rows *rows)
{
    fd_close(rows->map[0]);
    fd_close(rows->map[1]);
    free(rows->keys);
    free(rows->values);
    proc_text_free(rows->proc);
    if (*rows->file)
        unlink(rows->file);
}

/* 1250 users, each at two interfaces, in both sets, without and with a tag. */
static struct tctl_stats_key nth_key(uint32_t n)
{
    return (struct tctl_stats_key){.uid = 10000 + n / 8,
                                   .tag = n & 1 ? 0xf00d0000 + n / 8 : 0,
                                   .counter_set = n >> 1 & 1,
                                   .iface_index = 1 + (n >> 2 & 1)};
}

/* Of all lengths. In a per-CPU map a row of one CPU: all are read. */
static int put(const struct rows *rows, uint32_t n)
{
    const struct tctl_stats_key key = nth_key(n);
    const uint64_t bytes = (uint64_t)n * n * n;
    struct tctl_stats_value values[rows->cpus];

    memset(values, 0, sizeof(values));
    values[0] = (struct tctl_stats_value){bytes / 1000, bytes, bytes / 3000, bytes / 20};
    return bpf_map_update_elem(rows->map[key.tag != 0], &key, values, BPF_ANY)
               ?: bpf_map_update_elem(proc_text_map(rows->proc), &key, values, BPF_ANY);
}

static int name_them(struct world *world)
{
    static const char names[][TCTL_IFNAME_LEN] = {"wlan0", "rmnet_data0"};
    _cleanup_fd_ int map = world_map(world, "traffic_iface_index_name_map");
    int r = 0;

    for (uint32_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++)
        r = bpf_map_update_elem(map, &(uint32_t){1 + i}, names[i], BPF_ANY);
    return r;
}

static int write_file(const struct rows *rows)
{
    _cleanup_fclose_ FILE *from = proc_text_open(rows->proc), *to = fopen(rows->file, "we");
    char block[4096];
    size_t n;

    if (!from || !to)
        return -1;
    while ((n = fread(block, 1, sizeof(block), from)) > 0)
        fwrite(block, 1, n, to);
    return ferror(from) || ferror(to) ? -1 : 0;
}

static int fill(struct world *world, struct rows *rows)
{
    int r = name_them(world);

    rows->traffic = world->traffic;
    rows->cpus = world->options.percpu ? (unsigned int)libbpf_num_possible_cpus() : 1;
    rows->map[0] = world_map(world, "traffic_uid_stats_map");
    rows->map[1] = world_map(world, "traffic_tag_stats_map");
    rows->proc = proc_text_new(ROWS);
    for (uint32_t n = 0; n < ROWS && r == 0 && rows->proc; n++)
        r = put(rows, n);
    rows->keys = calloc(ROWS, sizeof(*rows->keys));
    rows->values = calloc(ROWS * rows->cpus, sizeof(*rows->values));
    snprintf(rows->file, sizeof(rows->file), "%s/stats", world->folder);
    return r < 0 || !rows->keys || !rows->values || !rows->proc ? -1 : write_file(rows);
}

/* What every way has to come to. */
struct sum {
    size_t rows;
    uint64_t bytes;
};

static struct sum add_up(const struct tctl_detail_row *rows, size_t count)
{
    struct sum sum = {.rows = count};

    for (size_t i = 0; i < count; i++)
        sum.bytes += rows[i].counters.rx_bytes;
    return sum;
}

static struct sum read_by_library(const struct rows *rows)
{
    _cleanup_free_ struct tctl_detail_row *all = NULL;
    size_t count = 0;

    tctl_read_details(rows->traffic, NULL, &all, &count);
    return add_up(all, count);
}

static struct sum read_text(FILE *text)
{
    size_t count = 0;
    _cleanup_free_ struct tctl_detail_row *all = old_text_read(text, &count);

    return add_up(all, count);
}

static struct sum read_proc(const struct rows *rows)
{
    return read_text(proc_text_open(rows->proc));
}

static struct sum read_file(const struct rows *rows)
{
    return read_text(fopen(rows->file, "re"));
}

/* Neither named nor sorted: the system calls alone. */
static void read_map_by_key(const struct rows *rows, int map, struct sum *sum)
{
    struct tctl_stats_value values[rows->cpus];
    struct tctl_stats_key key;

    for (const void *last = NULL; bpf_map_get_next_key(map, last, &key) == 0; last = &key) {
        if (bpf_map_lookup_elem(map, &key, values) < 0)
            continue;
        for (unsigned int cpu = 0; cpu < rows->cpus; cpu++)
            sum->bytes += values[cpu].rx_bytes;
        sum->rows++;
    }
}

static struct sum read_by_key(const struct rows *rows)
{
    struct sum sum = {};

    read_map_by_key(rows, rows->map[0], &sum);
    read_map_by_key(rows, rows->map[1], &sum);
    return sum;
}

/* One system call, which no reader of the map can do without. */
static void read_map_at_once(const struct rows *rows, int map, struct sum *sum)
{
    struct tctl_stats_value *values = rows->values;
    uint32_t next, count = ROWS;

    if (bpf_map_lookup_batch(map, NULL, &next, rows->keys, values, &count, NULL) < 0 && errno != ENOENT)
        return;
    for (size_t i = 0; i < (size_t)count * rows->cpus; i++)
        sum->bytes += values[i].rx_bytes;
    sum->rows += count;
}

static struct sum read_at_once(const struct rows *rows)
{
    struct sum sum = {};

    read_map_at_once(rows, rows->map[0], &sum);
    read_map_at_once(rows, rows->map[1], &sum);
    return sum;
}

enum way { LIBRARY, BY_KEY, PROC, FROM_FILE, AT_ONCE, WAYS };

static struct sum (*const ways[WAYS])(const struct rows *rows) = {read_by_library, read_by_key, read_proc, read_file,
                                                                  read_at_once};

/* ms of this thread's CPU for one reading: nothing waits. Negative when it did not come to what was put. */
static double time_of(const struct rows *rows, enum way way)
{
    struct timespec start, end;
    struct sum sum = {};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (unsigned int i = 0; i < REPEAT; i++)
        sum = ways[way](rows);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    if (sum.rows != ROWS || sum.bytes != read_by_key(rows).bytes) {
        fprintf(stderr, "bench: way %d of reading has %zu rows, %" PRIu64 " bytes\n", way, sum.rows, sum.bytes);
        return -1;
    }
    return ((double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6) / REPEAT;
}

static int measure(const struct rows *rows, struct figure figures[WAYS])
{
    for (unsigned int round = 0; round < ROUNDS; round++) {
        for (enum way way = LIBRARY; way < WAYS; way++) {
            figures[way].round[round] = time_of(rows, way);
            if (figures[way].round[round] < 0)
                return 1;
        }
    }
    for (enum way way = LIBRARY; way < WAYS; way++)
        figure_finish(&figures[way]);
    return 0;
}

/* What holds the ratio that is aimed at: a reader of these maps cannot do with less than the kernel's part. */
static void tell_limit(const struct figure figures[WAYS])
{
    const struct figure kernel = figure_ratio(&figures[AT_ONCE], &figures[BY_KEY]);
    const struct figure own = figure_less(&figures[LIBRARY], &figures[AT_ONCE]);
    char note[256];

    snprintf(note, sizeof(note),
             "The kernel's two calls alone, which a reader cannot do without, take %.2f of key by key, %.0f ns a row; "
             "what the library adds, rows summed, named and put in order, is %.0f ns a row.",
             kernel.median, figures[AT_ONCE].median * 1e6 / ROWS, own.median * 1e6 / ROWS);
    results_note(note);
}

static void tell(const struct figure figures[WAYS], bool percpu)
{
    static const char *const names[WAYS] = {"library", "key by key", "text as /proc had it", "that text out of a file",
                                            "the kernel alone, a batch a map"};
    static const struct table tables[] = {
        {.id = "reading_shared", .title = "Reading 10,000 rows, counters shared"},
        {.id = "reading_percpu", .title = "Reading 10,000 rows, counters percpu"},
    };
    static const struct aim by_key = {LESS, AIM_BY_KEY}, text = {LESS, AIM_TEXT};
    const struct aim *const aims[WAYS] = {[BY_KEY] = &by_key, [PROC] = percpu ? NULL : &text};
    struct table table = tables[percpu];

    table.unit = "ms";
    table.how = "CPU of the reader. The text is that of /proc/net/xt_qtaguid/stats, printed by the kernel and parsed.";
    results_table(&table);
    for (enum way way = LIBRARY; way < WAYS; way++)
        results_figure(names[way], &figures[way]);
    for (enum way way = BY_KEY; way <= FROM_FILE; way++) {
        const struct figure ratio = figure_ratio(&figures[LIBRARY], &figures[way]);
        char what[64];

        snprintf(what, sizeof(what), "library / %s", names[way]);
        results_ratio(what, &ratio, aims[way]);
    }
    tell_limit(figures);
}

static int compare(const struct rows *rows, bool percpu)
{
    struct figure figures[WAYS] = {};
    cpu_set_t before;

    cpu_stay(CPU_LAST, &before);
    int failed = measure(rows, figures);
    sched_setaffinity(0, sizeof(before), &before);
    if (!failed)
        tell(figures, percpu);
    return failed;
}

static int compare_kind(bool percpu)
{
    struct rows rows = {.map = {-1, -1}};
    const struct world_options options = {.percpu = percpu};
    struct world *world = NULL;

    if (world_new(&options, &world) < 0)
        return 1;
    int failed = fill(world, &rows) < 0 || compare(&rows, percpu);
    rows_done(&rows);
    world_free(world);
    return failed;
}

int reading_compare(void)
{
    return compare_kind(false) || compare_kind(true);
}
