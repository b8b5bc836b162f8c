/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "iface_names.h"
#include "link_list.h"

/* What is removed in one go: so many rows are looked through for each, and it stays a small list. */
#define AT_ONCE 256

struct numbers {
    uint32_t *all; /* sorted and each once after numbers_finish() */
    size_t count, room;
};

static void numbers_done(struct numbers *numbers)
{
    free(numbers->all);
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int numbers_add(struct numbers *numbers, uint32_t number)
{
    if (numbers->count == numbers->room) {
        const size_t room = numbers->room ? 2 * numbers->room : 256;
        uint32_t *all = reallocarray(numbers->all, room, sizeof(*all));
        if (!all)
            return -ENOMEM;
        numbers->all = all;
        numbers->room = room;
    }
    numbers->all[numbers->count++] = number;
    return 0;
}

static void numbers_finish(struct numbers *numbers)
{
    size_t kept = 0;
    if (numbers->count > 0)
        qsort(numbers->all, numbers->count, sizeof(*numbers->all), compare);
    for (size_t i = 0; i < numbers->count; i++) {
        if (kept == 0 || numbers->all[kept - 1] != numbers->all[i])
            numbers->all[kept++] = numbers->all[i];
    }
    numbers->count = kept;
}

static bool numbers_have(const struct numbers *numbers, uint32_t number)
{
    return numbers->count && bsearch(&number, numbers->all, numbers->count, sizeof(number), compare);
}

static int take_row(void *numbers, enum iface_row_map map, uint32_t index, uint32_t uid)
{
    struct numbers *all = numbers;
    (void)map;
    (void)uid;
    if (index == 0 || index == TCTL_REMOVED_ALL || (all->count && all->all[all->count - 1] == index))
        return 0;
    return numbers_add(all, index);
}

static int remove_gone(struct iface_names *names, const struct numbers *live)
{
    for (;;) {
        struct iface_name gone[AT_ONCE];
        size_t count = 0;
        for (size_t i = 0; i < names->count && count < AT_ONCE; i++) {
            const struct iface_name *name = &names->known[i];
            if (name->index < TCTL_REMOVED_FIRST && !numbers_have(live, name->index))
                gone[count++] = *name;
        }
        if (count == 0)
            return 0;
        int r = iface_names_remove(names, gone, count);
        if (r < 0)
            return r;
    }
}

static int set_live(struct iface_names *names, const struct link_info *links, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = iface_names_set(names, links[i].index, links[i].name);
    return r;
}

/* Nobody knows what their names were. */
static int remove_nameless(struct iface_names *names, const struct numbers *counted, const struct numbers *live)
{
    _cleanup_free_ struct iface_move *moves = calloc(counted->count + 1, sizeof(*moves));
    size_t count = 0;
    if (!moves)
        return -ENOMEM;
    for (size_t i = 0; i < counted->count; i++) {
        const uint32_t index = counted->all[i];
        if (!iface_names_get(names, index) && !numbers_have(live, index))
            moves[count++].from = index;
    }
    return count ? iface_names_to_removed(names, moves, count) : 0;
}

int iface_names_compare(struct iface_names *names)
{
    _cleanup_(numbers_done) struct numbers counted = {0}, live = {0};
    _cleanup_free_ struct link_info *links = NULL;
    size_t count = 0;
    /* Rows first: an interface that comes in between has none among these. */
    int r = iface_rows_each(&names->rows, take_row, &counted);
    if (r == 0)
        r = link_list_read(&links, &count);
    for (size_t i = 0; i < count && r == 0; i++)
        r = numbers_add(&live, links[i].index);
    if (r < 0)
        return r;
    numbers_finish(&counted);
    numbers_finish(&live);
    /* The nameless first: those that are removed now leave numbers without names behind. */
    r = remove_nameless(names, &counted, &live);
    if (r == 0)
        r = remove_gone(names, &live);
    return r < 0 ? r : set_live(names, links, count);
}
