/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "look.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pins.h>

#include "cgroup.h"
#include "cleanup.h"
#include "examine.h"
#include "fd.h"
#include "hooks.h"
#include "interfaces.h"
#include "iterators.h"

#define PIN(id) (UINT64_C(1) << (id))
_Static_assert(PINS <= 64, "a bit for every pin");

/* The number of what is pinned; 0: nothing, or nothing of this pin's kind. */
static int id_of(const char *bpffs, enum pin_id pin, int *ret_fd, uint32_t *ret_id)
{
    enum pin_kind kind = PIN_MAP;
    _cleanup_fd_ int fd = -1;
    *ret_id = 0;
    int r = pins_open(bpffs, pin, &fd);
    if (r == -ENOENT || r == -EACCES)
        return 0;
    if (r == 0)
        r = pins_kind(fd, &kind);
    if (r < 0 || kind != pins[pin].kind)
        return r;
    r = pins_number(fd, ret_id);
    if (r == 0 && ret_fd)
        *ret_fd = fd_take(&fd);
    return r;
}

int look_remember(struct loaded *loaded)
{
    int r = 0;
    bool links = loaded->interfaces->netfilter == TCTL_NETFILTER_LINK;
    for (int id = 0; id < PINS && r == 0; id++)
        if (links || !hooks_is_of_links(id))
            r = id_of(loaded->bpffs, id, NULL, &loaded->ids[id]);
    return r;
}

/* All of them use one of these, whichever version of us loaded them. */
static bool is_ours(const struct loaded *loaded, int fd)
{
    static const enum pin_id theirs[] = {PIN_CONFIG, PIN_STATE, PIN_XT_CALLS, PIN_LINK_CALLS};
    struct attached_program program;
    if (attached_ask(fd, &program) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
        if (loaded->ids[theirs[i]] != 0 && attached_uses(&program, loaded->ids[theirs[i]]))
            return true;
    return false;
}

static int look_at_maps(const struct loaded *loaded, struct load_seen *seen)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++) {
        uint32_t now;
        if (pins[id].kind != PIN_MAP || loaded->ids[id] == 0)
            continue;
        r = id_of(loaded->bpffs, id, NULL, &now);
        if (now != loaded->ids[id])
            seen->maps |= PIN(id);
    }
    return r;
}

/* Another start may have replaced them by others of ours. */
static int look_at_programs(const struct loaded *loaded, uint32_t ids[static PINS], struct load_seen *seen)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++) {
        _cleanup_fd_ int fd = -1;
        if (pins[id].kind != PIN_PROG || loaded->ids[id] == 0)
            continue;
        r = id_of(loaded->bpffs, id, &fd, &ids[id]);
        if (fd < 0 || !is_ours(loaded, fd))
            seen->pins |= PIN(id);
    }
    return r;
}

static int look_at_iterators(const struct loaded *loaded, struct load_seen *seen)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++) {
        _cleanup_fd_ int fd = -1;
        uint32_t now;
        const char *target = iterators_target(id);
        if (!target || loaded->ids[id] == 0)
            continue;
        r = id_of(loaded->bpffs, id, &fd, &now);
        if (fd < 0 || iterators_examine(fd, target) < 0)
            seen->pins |= PIN(id);
    }
    return r;
}

/* The control group that is at the path now; 0: none. */
static int find_group(const struct loaded *loaded, uint64_t *ret_id)
{
    _cleanup_fd_ int fd = -1;
    *ret_id = loaded->cgroup_id;
    int r = loaded->cgroup ? cgroup_open(loaded->cgroup, NULL, &fd, ret_id, NULL) : 0;
    if (r != -ENOENT && r != -ENOTDIR && r != -EMEDIUMTYPE)
        return r;
    *ret_id = 0;
    return 0;
}

static int look_at_hook(const struct loaded *loaded, const struct attached_pins *hook, const uint32_t ids[static PINS],
                        uint64_t group, struct load_seen *seen)
{
    struct bpf_link_info info;
    uint32_t bit = 1u << (hook - attached_pins), id;
    _cleanup_fd_ int fd = -1;
    int r = id_of(loaded->bpffs, hook->link, &fd, &id);
    if (r < 0)
        return r;
    seen->missing |= bit;
    if (fd < 0 || examine_link(fd, hook->attach_type, &info) < 0)
        seen->pins |= PIN(hook->link);
    else if (group == 0 || info.cgroup.cgroup_id != group)
        return 0;
    else if (info.prog_id != ids[hook->prog] && !(seen->pins & PIN(hook->prog)))
        seen->foreign |= bit;
    else
        seen->missing &= ~bit;
    return 0;
}

int look(const struct loaded *loaded, struct load_seen *ret_seen)
{
    uint32_t ids[PINS] = {0};
    uint64_t group;
    struct load_seen seen = {0};
    int r = find_group(loaded, &group);
    if (r == 0)
        r = look_at_maps(loaded, &seen);
    if (r == 0)
        r = look_at_programs(loaded, ids, &seen);
    if (r == 0)
        r = look_at_iterators(loaded, &seen);
    for (size_t i = 0; i < TCTL_PROGRAMS && r == 0; i++)
        if (loaded->wanted & 1u << i)
            r = look_at_hook(loaded, &attached_pins[i], ids, group, &seen);
    if (r < 0)
        return r;
    r = interfaces_look(loaded, &seen.places);
    seen.no_places = r == -EPERM || r == -EACCES;
    if (r < 0 && !seen.no_places)
        return r;
    seen.no_group = group != loaded->cgroup_id;
    seen.attached = loaded->wanted & ~seen.missing;
    *ret_seen = seen;
    return 0;
}

bool load_seen_whole(const struct load_seen *seen)
{
    return !seen->missing && !seen->pins && !seen->maps && !seen->no_group && !seen->places;
}
