/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>

#include <firewall.bpf.h>

#include "cleanup.h"
#include "pins.h"
#include "read.h"

#define FIRST_ROOM 64

void plan_done(struct plan *plan)
{
    free(plan->writes);
    free(plan->keys);
    free(plan->values);
    *plan = (struct plan){0};
}

static int plan_add(struct plan *plan, const struct plan_write *write)
{
    if (plan->count == plan->room) {
        size_t room = plan->room ? plan->room * 2 : FIRST_ROOM;
        struct plan_write *grown = reallocarray(plan->writes, room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        plan->writes = grown;
        plan->room = room;
    }
    plan->writes[plan->count] = *write;
    plan->writes[plan->count].number = plan->count;
    plan->count++;
    return 0;
}

/* A row and what becomes of it; NULL: there is none. */
struct pair {
    uint32_t key;
    const struct image_row *old, *new;
};

typedef int (*pair_fn)(struct plan *plan, enum image_map map, const struct pair *pair);

static int for_each_pair(struct plan *plan, enum image_map map, pair_fn add)
{
    const struct image_rows *from = &plan->from->maps[map], *to = &plan->to->maps[map];
    int r = 0;
    for (size_t i = 0, k = 0; r == 0 && (i < from->count || k < to->count);) {
        bool old = i < from->count && (k == to->count || from->rows[i].key <= to->rows[k].key);
        bool new = k < to->count && (!old || from->rows[i].key == to->rows[k].key);
        struct pair pair = {
            .key = old ? from->rows[i].key : to->rows[k].key,
            .old = old ? &from->rows[i] : NULL,
            .new = new ? &to->rows[k] : NULL,
        };
        r = add(plan, map, &pair);
        i += old;
        k += new;
    }
    return r;
}

static int add_pair(struct plan *plan, enum plan_phase phase, enum image_map map, const struct pair *pair)
{
    const struct plan_write write = {
        .phase = phase,
        .map = map,
        .key = pair->key,
        .was = pair->old,
        .before = pair->old ? pair->old->value : 0,
        .is = pair->new,
        .after = pair->new ? pair->new->value : 0,
    };
    return plan_add(plan, &write);
}

/* Chains that are on all the time, and what is no chain's, are seen at once. */
static uint32_t unseen(const struct plan *plan)
{
    return ~plan->from->switched & (TCTL_BIT(TCTL_CHAINS) - 1);
}

static uint32_t going_off(const struct plan *plan)
{
    return plan->from->switched & ~plan->to->switched;
}

static int add_entry(struct plan *plan, enum image_map map, const struct pair *pair)
{
    const uint32_t bit = TCTL_BIT(map);
    bool was = image_lists(plan->from, map, pair->key), is = image_lists(plan->to, map, pair->key);
    if (was == is)
        return pair->old && !pair->new ? add_pair(plan, PLAN_LAST, map, pair) : 0;
    enum plan_phase phase = is == !!(TCTL_ALLOW_LISTS & bit) ? PLAN_ALLOW : PLAN_DENY;
    if (unseen(plan) & bit)
        phase = PLAN_UNSEEN;
    else if (going_off(plan) & bit)
        phase = PLAN_EMPTY;
    return add_pair(plan, phase, map, pair);
}

static bool lets_pass(uint32_t before, uint32_t after)
{
    return (after & ~before & TCTL_ALLOW_LISTS) || (before & ~after & ~TCTL_ALLOW_LISTS);
}

/* Bits that change in one of the phases. */
static int add_bits(struct plan *plan, struct plan_write *write, enum plan_phase phase, uint64_t changing, uint64_t end)
{
    write->phase = phase;
    write->was = write->is;
    write->before = write->after;
    write->after = (write->before & ~changing) | (end & changing);
    write->is = write->after != 0;
    if (write->before == write->after) {
        write->is = write->was;
        return 0;
    }
    if (phase == PLAN_ALLOW && !lets_pass((uint32_t)write->before, (uint32_t)write->after))
        write->phase = PLAN_DENY;
    return plan_add(plan, write);
}

static int add_word(struct plan *plan, enum image_map map, const struct pair *pair)
{
    const uint64_t first = unseen(plan), last = going_off(plan), end = pair->new ? pair->new->value : 0;
    struct plan_write write = {
        .map = map,
        .key = pair->key,
        .is = pair->old,
        .after = pair->old ? pair->old->value : 0,
    };
    int r = add_bits(plan, &write, PLAN_UNSEEN, first, end);
    if (r == 0)
        r = add_bits(plan, &write, PLAN_ALLOW, ~(first | last), end);
    if (r == 0)
        r = add_bits(plan, &write, PLAN_EMPTY, last, end);
    if (r < 0 || !write.is || write.after != 0 || pair->new)
        return r;
    return add_pair(plan, PLAN_LAST, map, pair); /* an empty one that somebody else has put there */
}

static int add_iface(struct plan *plan, enum image_map map, const struct pair *pair)
{
    if (pair->old && !pair->new)
        return add_pair(plan, PLAN_LAST, map, pair);
    if (pair->old && pair->old->value == pair->new->value)
        return 0;
    enum plan_phase phase = pair->new->value == TCTL_ANY_IFACE ? PLAN_ALLOW : PLAN_DENY;
    return add_pair(plan, image_lists(plan->from, TCTL_IFACE_RULE, pair->key) ? phase : PLAN_UNSEEN, map, pair);
}

/* A mark lets chains judge. */
static int add_mark(struct plan *plan, enum image_map map, const struct pair *pair)
{
    bool was = pair->old && pair->old->value != 0, is = pair->new && pair->new->value != 0;
    if (was != is)
        return add_pair(plan, is ? PLAN_DENY : PLAN_ALLOW, map, pair);
    if (!pair->old == !pair->new)
        return 0;
    return add_pair(plan, pair->new ? PLAN_UNSEEN : PLAN_LAST, map, pair); /* a row that marks nothing */
}

static int add_switch(struct plan *plan, uint32_t chain)
{
    const uint32_t bit = TCTL_BIT(chain);
    bool was = plan->from->switched & bit, is = plan->to->switched & bit;
    const struct plan_write write = {
        .phase = is ? PLAN_ON : PLAN_OFF,
        .map = (enum image_map)chain,
        .key = TCTL_CHAIN_SWITCH,
        .was = plan->from->has_switch & bit,
        .is = true,
        .before = was,
        .after = is,
    };
    return was == is ? 0 : plan_add(plan, &write);
}

static int add_config(struct plan *plan)
{
    const uint32_t was = plan->from->switched & ~TCTL_NETD_CHAINS, is = plan->to->switched & ~TCTL_NETD_CHAINS;
    struct plan_write write = {
        .phase = PLAN_ON,
        .map = IMAGE_CONFIG,
        .was = true,
        .is = true,
        .before = was | (plan->from->closed ? PLAN_CLOSED : 0),
        .after = was | is | (plan->from->closed ? PLAN_CLOSED : 0),
    };
    int r = write.before == write.after ? 0 : plan_add(plan, &write);
    write.phase = PLAN_OFF;
    write.before = write.after;
    write.after = is | (plan->to->closed ? PLAN_CLOSED : 0);
    return r < 0 || write.before == write.after ? r : plan_add(plan, &write);
}

static int compare_writes(const void *a, const void *b)
{
    const struct plan_write *one = a, *other = b;
    if (one->phase != other->phase)
        return one->phase < other->phase ? -1 : 1;
    if (one->map != other->map)
        return one->map < other->map ? -1 : 1;
    if (one->is != other->is)
        return one->is ? 1 : -1; /* what goes makes room */
    return (one->number > other->number) - (one->number < other->number);
}

static int add_all(struct plan *plan)
{
    int r = add_config(plan);
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE && r == 0; chain++) {
        r = add_switch(plan, chain);
        if (r == 0)
            r = for_each_pair(plan, (enum image_map)chain, add_entry);
    }
    if (r == 0)
        r = for_each_pair(plan, IMAGE_RULES, add_word);
    if (r == 0)
        r = for_each_pair(plan, IMAGE_IFACES, add_iface);
    return r < 0 ? r : for_each_pair(plan, IMAGE_METERED, add_mark);
}

int plan_make(const struct image *from, const struct image *to, struct plan *ret_plan)
{
    _cleanup_(plan_done) struct plan plan = {.from = from, .to = to};
    int r = add_all(&plan);
    if (r < 0)
        return r;
    plan.keys = reallocarray(NULL, plan.count + 1, sizeof(*plan.keys));
    plan.values = reallocarray(NULL, plan.count + 1, sizeof(uint64_t));
    if (!plan.keys || !plan.values)
        return -ENOMEM;
    if (plan.count > 0)
        qsort(plan.writes, plan.count, sizeof(*plan.writes), compare_writes);
    *ret_plan = plan;
    plan = (struct plan){0};
    return 0;
}

static size_t rows_now(const struct plan *plan, enum image_map map)
{
    return plan->from->maps[map].count + !!(plan->from->has_switch & TCTL_BIT(map));
}

/* A chain whose switch has no row yet needs room for one, or nobody could switch it on. */
static size_t rows_reserved(const struct plan *plan, enum image_map map)
{
    return map <= IMAGE_POWERSAVE && !(plan->from->has_switch & TCTL_BIT(map)) ? 1 : 0;
}

/* How many rows there are when there are most of them; 0: none comes. */
static size_t rows_at_most(const struct plan *plan, enum image_map map)
{
    size_t rows = rows_now(plan, map) + rows_reserved(plan, map), most = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_write *write = &plan->writes[i];
        if (write->map != map)
            continue;
        if (write->key != TCTL_CHAIN_SWITCH || map > IMAGE_POWERSAVE) {
            rows += write->is;
            rows -= write->was;
        }
        if (write->is && !write->was && rows > most)
            most = rows;
    }
    return most;
}

static int check_map(const struct plan *plan, int fd, enum image_map map, struct fault *fault)
{
    struct read_shape shape;
    size_t most = rows_at_most(plan, map);
    int r = read_shape_of(fd, &shape);
    if (r < 0 || most <= shape.max_entries)
        return r;
    return fault_set(
        fault, -E2BIG,
        "%s has room for %u entries: it holds %zu, this would take %zu; sizes are in section [maps] of the "
        "configuration",
        pins[image_pin(map)].path, shape.max_entries, rows_now(plan, map), most);
}

int plan_check(const struct plan *plan, const struct enforce *enforce, struct fault *fault)
{
    int r = 0;
    for (enum image_map map = IMAGE_DOZABLE; map < IMAGE_MAPS && r == 0; map++)
        r = check_map(plan, image_fd(enforce, map), map, fault);
    return r;
}
