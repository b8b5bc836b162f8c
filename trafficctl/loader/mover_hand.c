/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Where the kernel has no program for it. A row that is in the other map already is read, raised and written, and what
 * a program counts in it meanwhile is missed: how much at most is measured by how often the programs ran. A row goes
 * from the old map once it is in the other: who is killed between these two has that one row twice.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <read.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "mover.h"

struct row_value {
    uint64_t word[MOVE_WORDS];
    uint32_t words; /* which are counters, as in struct move_plan */
};

struct hand {
    const struct move *move;
    struct moved *moved;
    uint32_t cpus; /* values in one */
    int target;
};

/* How often the programs ran. */
static uint64_t runs(const struct hand *hand)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < hand->move->running_count; i++) {
        struct bpf_prog_info info = {0};
        uint32_t length = sizeof(info);
        int fd = hand->move->running[i];
        if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
            sum += info.run_cnt;
    }
    return sum;
}

/* A run that began in time and did not end is not among them: one on each CPU. */
static uint64_t runs_under_way(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus > 0 ? (uint64_t)cpus : 1;
}

static void raise_words(uint32_t words, uint64_t *row, const uint64_t *by)
{
    for (; words != 0; words &= words - 1) {
        unsigned int i = (unsigned int)__builtin_ctz(words);
        row[i] += by[i];
    }
}

static int raise_row(struct hand *hand, const void *key, const struct row_value *by)
{
    uint64_t now[MOVE_WORDS] = {0};
    uint64_t before = runs(hand);
    int r = bpf_map_lookup_elem(hand->target, key, now);
    if (r == 0) {
        raise_words(by->words, now, by->word);
        r = bpf_map_update_elem(hand->target, key, now, BPF_EXIST);
    }
    hand->moved->missed += runs(hand) - before + runs_under_way();
    return r;
}

/* -E2BIG: there is no room for it. */
static int put_row(struct hand *hand, const void *key, const struct row_value *value)
{
    int r;
    do {
        r = bpf_map_update_elem(hand->target, key, value->word, BPF_NOEXIST);
        if (r == -EEXIST)
            r = raise_row(hand, key, value);
    } while (r == -ENOENT);
    return r;
}

/* Programs have most rows of per-CPU maps open all the time, and of the spill map few: it takes what all CPUs had. */
static int put_percpu_row(struct hand *hand, const void *key, const struct tctl_stats_value *values)
{
    struct tctl_spill_key where = {.map = mover_plan(hand->move->id)->map};
    struct row_value sum = {.words = mover_plan(hand->move->id)->words};
    if (where.map == TCTL_APP_UID_STATS)
        memcpy(&where.key.uid, key, sizeof(where.key.uid));
    else if (where.map == TCTL_IFACE_STATS)
        memcpy(&where.key.iface_index, key, sizeof(where.key.iface_index));
    else
        memcpy(&where.key, key, sizeof(where.key));
    for (uint32_t cpu = 0; cpu < hand->cpus; cpu++)
        raise_words(sum.words, sum.word, (const uint64_t *)&values[cpu]);
    return put_row(hand, &where, &sum);
}

static int move_row(void *context, const void *key, const void *value)
{
    struct hand *hand = context;
    int r;
    if (hand->move->percpu) {
        r = put_percpu_row(hand, key, value);
    } else {
        struct row_value row = {.words = mover_plan(hand->move->id)->words};
        memcpy(row.word, value, pins[hand->move->id].value_size);
        r = put_row(hand, key, &row);
    }
    if (r == -E2BIG) {
        hand->moved->left++;
        return 0;
    }
    if (r == 0)
        r = bpf_map_delete_elem(hand->move->from, key);
    return r == -ENOENT ? 0 : r;
}

int mover_by_hand(const struct move *move, struct moved *moved)
{
    struct read_shape shape;
    int r = read_shape_of(move->from, &shape);
    if (r < 0)
        return r;
    struct hand hand = {.move = move, .moved = moved, .cpus = shape.cpus};
    hand.target = move->percpu ? move->spill : move->to;
    _cleanup_fd_ int stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
    if (stats_fd < 0)
        moved->unmeasured = true;
    moved->by_hand = true;
    return read_map(&read_kernel, move->from, &shape, move_row, &hand);
}
