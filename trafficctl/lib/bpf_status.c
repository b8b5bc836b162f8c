/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Each question goes to the kernel where this user may ask it, else to what trafficd noted in the state. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "attached.h"
#include "bpf_reader.h"
#include "cgroup_tree.h"
#include "chains.h"
#include "fd.h"
#include "interfaces_page.h"
#include "pins.h"
#include "read.h"
#include "ways.h"

_Static_assert(TCTL_STATUS_PROGRAMS == TCTL_PROGRAMS, "one line each");
_Static_assert(TCTL_STATUS_MAPS == PINS_NETD_MAPS, "one line each");
_Static_assert(TCTL_STATUS_CHAINS == TCTL_CHAINS - 1, "one line each");
_Static_assert(TCTL_STATUS_PLACES == TCTL_IFACE_HOOKS, "one line each");

static bool not_allowed(int err)
{
    return err == -EACCES || err == -EPERM;
}

/* The control group as configured, and what came of looking for it. */
struct group {
    struct cgroup_tree tree;
    int found;
};

static void group_done(struct group *group)
{
    cgroup_tree_done(&group->tree);
}

/* A removed group leaves number 0, some time later; one of its name that was made anew is another. */
static bool hangs_there(const struct bpf_link_info *link, const struct group *group)
{
    if (link->cgroup.cgroup_id == 0 || group->found == -ENOENT)
        return false;
    return group->found < 0 || group->tree.everybody || link->cgroup.cgroup_id == group->tree.id;
}

/* Is the pinned program at work: the link is there, on the configured group, and it runs the program that is pinned. */
static int look_at_program(const char *bpffs, const struct group *group, enum tctl_program program, bool *ret_attached)
{
    struct bpf_link_info link;
    struct attached_program pinned;
    int r = attached_link(bpffs, program, &link);
    if (r == 0)
        r = attached_program(bpffs, program, &pinned);
    if (r < 0 && r != -ENOENT && r != -EBADF)
        return r;
    *ret_attached = r == 0 && hangs_there(&link, group) && link.prog_id == pinned.id;
    return 0;
}

static int fill_programs(const char *bpffs, const struct tctl_state *state, struct tctl_status *status)
{
    _cleanup_(group_done) struct group group = {.tree.fd = -1};
    group.found = cgroup_tree_configured(bpffs, &group.tree);
    status->seen_sec = (uint64_t)time(NULL);
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        bool attached;
        int r = look_at_program(bpffs, &group, (enum tctl_program)i, &attached);
        if (not_allowed(r)) {
            attached = state->attached >> i & 1;
            status->seen_sec = state->seen_sec;
        } else if (r < 0) {
            return r;
        }
        status->programs[i].name = attached_pins[i].name;
        status->programs[i].attached = attached;
        status->programs[i].wanted = state->wanted >> i & 1;
    }
    return 0;
}

static int count_row(void *context, const void *key, const void *value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)context;
    return 0;
}

static int count_entries(int fd, uint32_t *ret_entries, uint32_t *ret_max_entries)
{
    struct read_shape shape;
    uint32_t entries = 0;
    int r = read_shape_of(fd, &shape);
    if (r == 0)
        r = read_map(&read_kernel, fd, &shape, count_row, &entries);
    if (r < 0)
        return r;
    *ret_entries = entries;
    *ret_max_entries = shape.max_entries;
    return 0;
}

static int fill_maps(const char *bpffs, struct tctl_status *status)
{
    for (size_t i = 0; i < PINS_NETD_MAPS; i++) {
        status->maps[i].name = pins[i].path;
        _cleanup_fd_ int fd = -1;
        int r = pins_open_map(bpffs, (enum pin_id)i, false, &fd);
        if (not_allowed(r) || r == -ENOENT)
            continue;
        if (r == 0)
            r = count_entries(fd, &status->maps[i].entries, &status->maps[i].max_entries);
        if (r < 0)
            return r;
        status->maps[i].readable = true;
    }
    return 0;
}

static int fill_chains(const char *bpffs, const struct tctl_state *state, struct tctl_status *status)
{
    uint32_t on = state->chains;
    int r = chains_switched(bpffs, &on);
    if (r < 0 && !not_allowed(r) && r != -ENOENT)
        return r;
    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++) {
        status->chains[i].name = chains_names[i + 1];
        status->chains[i].enabled = on & TCTL_BIT(i + 1);
    }
    return 0;
}

/* Pins of a version before interfaces were counted have no page. */
static int fill_interfaces(const char *bpffs, struct tctl_status *status)
{
    struct tctl_interfaces page = {0};
    int r = interfaces_read(bpffs, &page);
    if (r < 0 && r != -ENOENT)
        return r;
    status->netfilter = ways_name(page.netfilter);
    status->malformed = page.malformed;
    for (size_t i = 0; i < TCTL_IFACE_HOOKS; i++) {
        status->places[i].name = ways_place((unsigned int)i);
        status->places[i].counted = page.hooked >> i & 1;
    }
    return 0;
}

int bpf_reader_status(struct reader *reader, const struct tctl_state *state, struct tctl_status *status)
{
    int r = fill_programs(reader->bpffs, state, status);
    if (r == 0)
        r = fill_maps(reader->bpffs, status);
    if (r == 0)
        r = fill_chains(reader->bpffs, state, status);
    return r < 0 ? r : fill_interfaces(reader->bpffs, status);
}
