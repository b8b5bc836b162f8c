/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "charge.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "cleanup.h"
#include "gather.h"

/* Zeroes and -ENOENT if nothing is counted for this key. */
static int look_up(const struct tags *tags, struct tctl_tag key, struct tctl_tag_count *ret_count)
{
    *ret_count = (struct tctl_tag_count){0};
    return bpf_map_lookup_elem(tags->tag_count, &key, ret_count);
}

static int write_uid(const struct tags *tags, uint32_t uid, const struct tctl_tag_count *count)
{
    const struct tctl_tag key = {.uid = uid};
    return bpf_map_update_elem(tags->tag_count, &key, count, BPF_ANY);
}

/* Rows written raw are counted by nobody, but their end is: less than nothing is nothing. */
static int check_rows(const struct tags *tags, uint32_t uid, uint64_t made, const struct tags_limit *limit)
{
    if (limit->sockets == 0 || made < limit->sockets)
        return 0;
    uint64_t ended = 0;
    int r = bpf_map_lookup_elem(tags->tags_ended, &uid, &ended);
    if (r < 0 && r != -ENOENT)
        return r;
    return made > ended && made - ended >= limit->sockets ? -E2BIG : 0;
}

static int is_new_tag(const struct tags *tags, const struct tctl_tag *tag, bool *ret_new)
{
    struct tctl_tag_count count;
    int r = tag->tag ? look_up(tags, *tag, &count) : 0;
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_new = r < 0;
    return 0;
}

static int count_tag(const struct tags *tags, const struct tctl_tag *tag)
{
    const struct tctl_tag_count none = {0};
    return bpf_map_update_elem(tags->tag_count, tag, &none, BPF_ANY);
}

static void uncount_tag(const struct tags *tags, const struct tctl_tag *tag)
{
    bpf_map_delete_elem(tags->tag_count, tag);
}

static int write_raised(const struct tags *tags, const struct charge *charge)
{
    struct tctl_tag_count count = charge->before;
    count.tags += charge->tag_is_new;
    count.rows += charge->row_is_new;
    int r = charge->tag_is_new ? count_tag(tags, &charge->tag) : 0;
    if (r < 0)
        return r;
    r = write_uid(tags, charge->tag.uid, &count);
    if (r < 0 && charge->tag_is_new)
        uncount_tag(tags, &charge->tag);
    return r;
}

int charge_raise(const struct tags *tags, const struct tctl_tag *tag, bool new_row, const struct tags_limit *limit,
                 struct charge *ret_charge)
{
    struct charge charge = {.tag = *tag, .row_is_new = new_row};
    int r = is_new_tag(tags, tag, &charge.tag_is_new);
    if (r < 0)
        return r;
    if (charge.tag_is_new || new_row) {
        r = look_up(tags, (struct tctl_tag){.uid = tag->uid}, &charge.before);
        charge.uid_is_new = r == -ENOENT;
        if (r < 0 && r != -ENOENT)
            return r;
        if (charge.tag_is_new && charge.before.tags >= TCTL_TAGS_PER_UID)
            return -EMFILE;
        r = new_row ? check_rows(tags, tag->uid, charge.before.rows, limit) : 0;
        if (r == 0)
            r = write_raised(tags, &charge);
        if (r < 0)
            return r;
    }
    *ret_charge = charge;
    return 0;
}

void charge_undo(const struct tags *tags, const struct charge *charge)
{
    const struct tctl_tag uid = {.uid = charge->tag.uid};
    if (charge->tag_is_new)
        uncount_tag(tags, &charge->tag);
    if (charge->uid_is_new)
        bpf_map_delete_elem(tags->tag_count, &uid);
    else if (charge->tag_is_new || charge->row_is_new)
        write_uid(tags, uid.uid, &charge->before);
}

int charge_drop_rows(const struct tags *tags, uint32_t uid, uint64_t rows)
{
    struct tctl_tag_count count;
    if (rows == 0)
        return 0;
    int r = look_up(tags, (struct tctl_tag){.uid = uid}, &count);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    count.rows -= count.rows < rows ? count.rows : rows;
    return write_uid(tags, uid, &count);
}

int charge_end_row(const struct tags *tags, uint64_t cookie)
{
    struct tctl_tag tag;
    int r = bpf_map_lookup_elem(tags->cookie_tag, &cookie, &tag);
    if (r == 0)
        r = bpf_map_delete_elem(tags->cookie_tag, &cookie);
    return r < 0 ? r : charge_drop_rows(tags, tag.uid, 1);
}

/* The number first: a tag that is counted and has no entry would stay counted whoever deletes it again. */
static int forget_one(const struct tags *tags, const struct tctl_tag *tag)
{
    struct tctl_tag_count count;
    int r = look_up(tags, *tag, &count);
    if (r == 0)
        r = look_up(tags, (struct tctl_tag){.uid = tag->uid}, &count);
    if (r == 0 && count.tags > 0) {
        count.tags--;
        r = write_uid(tags, tag->uid, &count);
    }
    if (r == 0)
        uncount_tag(tags, tag);
    return r == -ENOENT ? 0 : r;
}

static int is_tag_of(void *uid, const void *key, const void *value)
{
    const struct tctl_tag *tag = key;
    (void)value;
    return tag->uid == *(const uint32_t *)uid && tag->tag != 0;
}

static int forget_all(const struct tags *tags, uint32_t uid)
{
    _cleanup_(gather_done) struct gather gather;
    struct tctl_tag_count count;
    int r = gather_keys(tags->tag_count, is_tag_of, &uid, &gather);
    if (r < 0)
        return r;
    for (size_t i = 0; i < gather.count; i++)
        uncount_tag(tags, gather_key(&gather, i));

    r = look_up(tags, (struct tctl_tag){.uid = uid}, &count);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    count.tags = 0;
    return write_uid(tags, uid, &count);
}

int charge_forget(const struct tags *tags, const struct tctl_tag *tag)
{
    return tag->tag ? forget_one(tags, tag) : forget_all(tags, tag->uid);
}
