/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "look.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pins.h>
#include <string.h>
#include <sys/stat.h>

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
    memset(loaded->known, 0, sizeof(loaded->known));
    bool links = loaded->interfaces->netfilter == TCTL_NETFILTER_LINK;
    for (int id = 0; id < PINS && r == 0; id++)
        if (links || !hooks_is_of_links(id))
            r = id_of(loaded->place, id, NULL, &loaded->ids[id]);
    return r;
}

/* The file of a pin before it is opened; number 0. */
static int file_of(const char *bpffs, enum pin_id pin, struct loaded_pin *ret_file)
{
    struct stat file;
    _cleanup_free_ char *path = NULL;
    *ret_file = (struct loaded_pin){0};
    int r = pins_path(bpffs, pin, &path);
    if (r < 0)
        return r;
    if (stat(path, &file) == 0)
        *ret_file = (struct loaded_pin){.device = file.st_dev, .inode = file.st_ino, .changed = file.st_ctim};
    return 0;
}

static bool is_same_file(const struct loaded_pin *a, const struct loaded_pin *b)
{
    return a->device == b->device && a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Is what a descriptor of a pin, or -1, has the number of right? */
typedef bool (*right_fn)(const struct loaded *loaded, enum pin_id pin, int fd, uint32_t number);

/*
 * *ret_number: of what is pinned, 0 when it is not right. Looks come twice a second, so a pin that was right is opened
 * only after its file has changed.
 */
static int look_at_pin(struct loaded *loaded, enum pin_id pin, right_fn is_right, uint32_t *ret_number)
{
    struct loaded_pin *known = &loaded->known[pin], file;
    _cleanup_fd_ int fd = -1;
    int r = file_of(loaded->place, pin, &file);
    if (r == 0 && (known->number == 0 || !is_same_file(known, &file))) {
        r = id_of(loaded->place, pin, &fd, &file.number);
        if (r == 0 && !is_right(loaded, pin, fd, file.number))
            file.number = 0;
        *known = r == 0 ? file : (struct loaded_pin){0};
    }
    *ret_number = known->number;
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

static bool is_our_map(const struct loaded *loaded, enum pin_id pin, int fd, uint32_t number)
{
    (void)fd;
    return number == loaded->ids[pin];
}

/* Another start may have replaced them by others of ours. */
static bool is_our_program(const struct loaded *loaded, enum pin_id pin, int fd, uint32_t number)
{
    (void)pin;
    (void)number;
    return fd >= 0 && is_ours(loaded, fd);
}

static bool is_our_iterator(const struct loaded *loaded, enum pin_id pin, int fd, uint32_t number)
{
    (void)loaded;
    (void)number;
    return fd >= 0 && iterators_examine(fd, iterators_target(pin)) == 0;
}

/* NULL: one that is not looked at as a pin alone. */
static right_fn right_of(enum pin_id pin)
{
    if (pins[pin].kind == PIN_MAP)
        return is_our_map;
    if (pins[pin].kind == PIN_PROG)
        return is_our_program;
    return iterators_target(pin) ? is_our_iterator : NULL;
}

static int look_at_pins(struct loaded *loaded, uint32_t ids[static PINS], struct load_seen *seen)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++) {
        right_fn is_right = right_of(id);
        if (!is_right || loaded->ids[id] == 0)
            continue;
        r = look_at_pin(loaded, id, is_right, &ids[id]);
        if (ids[id] == 0)
            *(pins[id].kind == PIN_MAP ? &seen->maps : &seen->pins) |= PIN(id);
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
    int r = id_of(loaded->place, hook->link, &fd, &id);
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

int look(struct loaded *loaded, struct load_seen *ret_seen)
{
    uint32_t ids[PINS] = {0};
    uint64_t group;
    struct load_seen seen = {0};
    int r = find_group(loaded, &group);
    if (r == 0)
        r = look_at_pins(loaded, ids, &seen);
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
    return !seen->missing && !seen->pins && !seen->maps && !seen->no_group && !seen->places && !seen->table;
}
