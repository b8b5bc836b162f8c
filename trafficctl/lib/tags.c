/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "tags.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "charge.h"
#include "cleanup.h"
#include "fd.h"
#include "gather.h"
#include "generation.h"
#include "pins.h"
#include "read.h"
#include "recount.h"
#include "state.h"

/* Each time the kernel says so a program has made a storage for the socket at that very moment: it is there then. */
#define MAX_COLLISIONS 16
/* Of a word of an answer; its stamp is above. */
#define ANSWER_PAYLOAD_BITS 48

static int open_maps(const char *bpffs, struct tags *tags)
{
    const struct {
        enum pin_id id;
        int *fd;
    } maps[] = {
        {PIN_COOKIE_TAG, &tags->cookie_tag}, {PIN_TAG_COUNT, &tags->tag_count},
        {PIN_TAGS_ENDED, &tags->tags_ended}, {PIN_UID_COUNTER_SET, &tags->counter_set},
        {PIN_GENERATION, &tags->generation},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++)
        r = pins_open_map(bpffs, maps[i].id, true, maps[i].fd);
    if (r < 0)
        return r;
    r = pins_open_map(bpffs, PIN_SOCKET_STORAGE, true, &tags->storage);
    return r == -ENOENT ? 0 : r;
}

int tags_open(const char *bpffs, struct tags *tags)
{
    *tags = (struct tags){
        .cookie_tag = -1, .tag_count = -1, .tags_ended = -1, .counter_set = -1, .generation = -1, .storage = -1};
    int r = writer_open(bpffs, &tags->writer);
    if (r == 0)
        r = state_check_version(bpffs);
    if (r == 0 && state_is_file(bpffs))
        r = -EOPNOTSUPP;
    return r < 0 ? r : open_maps(bpffs, tags);
}

void tags_done(struct tags *tags)
{
    writer_done(&tags->writer);
    fd_close(tags->cookie_tag);
    fd_close(tags->tag_count);
    fd_close(tags->tags_ended);
    fd_close(tags->counter_set);
    fd_close(tags->generation);
    fd_close(tags->storage);
}

static int check_family(int socket)
{
    int family;
    socklen_t size = sizeof(family);
    if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
        return -errno;
    return family == AF_INET || family == AF_INET6 ? 0 : -EAFNOSUPPORT;
}

static int get_cookie(int socket, uint64_t *ret_cookie)
{
    socklen_t size = sizeof(*ret_cookie);
    return getsockopt(socket, SOL_SOCKET, SO_COOKIE, ret_cookie, &size) < 0 ? -errno : 0;
}

static int find_cookie(int socket, uint64_t *ret_cookie)
{
    int r = check_family(socket);
    return r < 0 ? r : get_cookie(socket, ret_cookie);
}

static int put_empty_answer(const struct tags *tags, int socket)
{
    const struct tctl_socket none = {0};
    int r = -EAGAIN;
    for (int i = 0; i < MAX_COLLISIONS && r == -EAGAIN; i++)
        r = bpf_map_update_elem(tags->storage, &socket, &none, BPF_ANY);
    return r;
}

/*
 * What was resolved before is not to be used again: a resolver that found it keeps its answer in what is replaced here.
 * The new one is for the sweep: whose storage is there is live. Both together may be more option memory than the socket
 * may have, and one of them too; it can do without.
 */
static int renew_answer(const struct tags *tags, int socket)
{
    if (tags->storage < 0)
        return 0;
    int r = put_empty_answer(tags, socket);
    if (r != -ENOMEM)
        return r;
    r = bpf_map_delete_elem(tags->storage, &socket);
    if (r < 0 && r != -ENOENT)
        return r;
    r = put_empty_answer(tags, socket);
    return r == -ENOMEM ? 0 : r;
}

struct row {
    uint64_t cookie;
    struct tctl_tag tag;
    bool exists;
};

static int look_up_row(const struct tags *tags, uint64_t cookie, struct row *ret_row)
{
    *ret_row = (struct row){.cookie = cookie};
    int r = bpf_map_lookup_elem(tags->cookie_tag, &cookie, &ret_row->tag);
    if (r < 0 && r != -ENOENT)
        return r;
    ret_row->exists = r == 0;
    return 0;
}

static void put_back(const struct tags *tags, const struct row *row)
{
    if (row->exists)
        bpf_map_update_elem(tags->cookie_tag, &row->cookie, &row->tag, BPF_ANY);
    else
        bpf_map_delete_elem(tags->cookie_tag, &row->cookie);
}

static int write_row(const struct tags *tags, int socket, const struct row *before, const struct tctl_tag *tag)
{
    int r = bpf_map_update_elem(tags->cookie_tag, &before->cookie, tag, BPF_ANY);
    if (r < 0)
        return r;
    r = renew_answer(tags, socket);
    if (r < 0)
        put_back(tags, before);
    return r;
}

static int set_locked(const struct tags *tags, int socket, uint64_t cookie, const struct tctl_tag *tag,
                      const struct tags_limit *limit)
{
    struct row before;
    struct charge charge;
    int r = look_up_row(tags, cookie, &before);
    if (r < 0)
        return r;
    bool first = !before.exists || before.tag.uid != tag->uid;
    r = charge_raise(tags, tag, first, limit, &charge);
    if (r < 0)
        return r;
    r = write_row(tags, socket, &before, tag);
    if (r < 0)
        charge_undo(tags, &charge);
    else if (before.exists && first)
        charge_drop_rows(tags, before.tag.uid, 1); /* the socket is tagged, whether that UID's count is right or not */
    return r;
}

/*
 * Was what is stored for the socket resolved with this tag, as a whole, or not at all yet? Its words are read while
 * programs may write them: those of one answer have one stamp.
 */
static bool has_answer(const struct tags *tags, int socket, const struct tctl_tag *tag)
{
    struct tctl_socket answer;
    if (tags->storage < 0)
        return true;
    if (bpf_map_lookup_elem(tags->storage, &socket, &answer) < 0)
        return false;
    uint64_t charge = answer.word[TCTL_W_CHARGE], under = answer.word[TCTL_W_TAG];
    if (charge == 0 && under == 0)
        return true;
    return (charge ^ under) >> ANSWER_PAYLOAD_BITS == 0 && (uint32_t)charge == tag->uid && (uint32_t)under == tag->tag;
}

/*
 * Many tag a socket anew before each use of it: there is nothing to count, nothing to lock, and making a new storage
 * would cost more than all the rest.
 */
static int set_again(const struct tags *tags, int socket, const struct tctl_tag *tag)
{
    int r = writer_check(&tags->writer);
    return r < 0 || has_answer(tags, socket, tag) ? r : renew_answer(tags, socket);
}

/* The row may be another's work by the time that there is the lock. */
static int set_anew(struct tags *tags, int socket, uint64_t cookie, const struct tctl_tag *tag,
                    const struct tags_limit *limit)
{
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    r = set_locked(tags, socket, cookie, tag, limit);
    writer_unlock(&tags->writer);
    return r;
}

int tags_set(struct tags *tags, int socket, const struct tctl_tag *tag, const struct tags_limit *limit)
{
    uint64_t cookie = 0;
    struct row row = {0};
    if (tag->uid == TCTL_NOBODY)
        return -EINVAL;
    int r = get_cookie(socket, &cookie);
    if (r == 0)
        r = look_up_row(tags, cookie, &row);
    if (r == 0 && !row.exists) /* else it was asked when it got that */
        r = check_family(socket);
    if (r < 0)
        return r;
    bool same = row.exists && row.tag.uid == tag->uid && row.tag.tag == tag->tag;
    return same ? set_again(tags, socket, tag) : set_anew(tags, socket, cookie, tag, limit);
}

/* A row that is gone and could not be counted off is gone. */
static int remove_locked(const struct tags *tags, int socket, uint64_t cookie)
{
    int r = charge_end_row(tags, cookie);
    int renewed = r == -ENOENT ? 0 : renew_answer(tags, socket);
    return r < 0 ? r : renewed;
}

int tags_remove(struct tags *tags, int socket)
{
    uint64_t cookie = 0;
    int r = find_cookie(socket, &cookie);
    if (r == 0)
        r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    r = remove_locked(tags, socket, cookie);
    writer_unlock(&tags->writer);
    return r;
}

int tags_get(struct tags *tags, int socket, struct tctl_tag *ret_tag)
{
    uint64_t cookie = 0;
    int r = find_cookie(socket, &cookie);
    return r < 0 ? r : bpf_map_lookup_elem(tags->cookie_tag, &cookie, ret_tag);
}

int tags_end(struct tags *tags, const uint64_t *cookies, size_t count)
{
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count && r == 0; i++) {
        r = charge_end_row(tags, cookies[i]);
        r = r == -ENOENT ? 0 : r;
    }
    writer_unlock(&tags->writer);
    return r;
}

int tags_recount(const char *bpffs, struct tags *tags)
{
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    r = recount_run(bpffs, tags);
    writer_unlock(&tags->writer);
    return r;
}

static int is_crowded(int fd, bool *crowded)
{
    _cleanup_(gather_done) struct gather keys = {0};
    struct read_shape shape;
    int r = read_shape_of(fd, &shape);
    if (r == 0)
        r = gather_keys(fd, NULL, NULL, &keys);
    if (r == 0 && keys.count >= shape.max_entries - shape.max_entries / 4)
        *crowded = true;
    return r;
}

int tags_make_room(const char *bpffs, struct tags *tags)
{
    bool crowded = false;
    int r = is_crowded(tags->tag_count, &crowded);
    if (r == 0)
        r = is_crowded(tags->tags_ended, &crowded);
    return r < 0 || !crowded ? r : tags_recount(bpffs, tags);
}

static int write_counter_set(const struct tags *tags, uint32_t uid, uint8_t set)
{
    if (set > 0)
        return bpf_map_update_elem(tags->counter_set, &uid, &set, BPF_ANY);
    int r = bpf_map_delete_elem(tags->counter_set, &uid);
    return r == -ENOENT ? 0 : r;
}

int tags_set_counter_set(struct tags *tags, uint32_t uid, uint32_t set)
{
    if (set > 1 || uid == TCTL_NOBODY)
        return -EINVAL;
    int r = writer_lock(&tags->writer);
    if (r < 0)
        return r;
    r = write_counter_set(tags, uid, (uint8_t)set);
    if (r == 0)
        r = generation_raise(tags->generation);
    writer_unlock(&tags->writer);
    return r;
}
