/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "configure.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <generation.h>
#include <ifaces.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

static uint32_t row_limit(const struct load_options *options, enum load_map map)
{
    if (options->rows_per_uid > 0)
        return options->rows_per_uid;
    uint32_t share = options->entries[map] / 8;
    return share > 0 ? share : 1;
}

static void fill_ranges(const struct load_options *options, struct tctl_config *config)
{
    _Static_assert(LOAD_MAX_UID_RANGES == TCTL_MAX_UID_RANGES, "every range has room");
    config->range_count = (uint32_t)options->app_uid_count;
    config->per_user_range = options->per_user_range;
    for (size_t i = 0; i < options->app_uid_count; i++)
        config->app_uids[i] = (struct tctl_uid_range){options->app_uids[i].first, options->app_uids[i].last};
}

/* What the firewall enforces stays: a start must not open it. */
int configure_fill(const struct load_options *options, struct tctl_config *config)
{
    *config = (struct tctl_config){
        .fold_user_namespaces = options->fold_user_namespaces,
        .row_limit[TCTL_APP_UID_STATS] = row_limit(options, LOAD_APP_UID_STATS),
        .row_limit[TCTL_UID_STATS] = row_limit(options, LOAD_UID_STATS),
        .row_limit[TCTL_TAG_STATS] = row_limit(options, LOAD_TAG_STATS),
        .row_limit[TCTL_IFACE_STATS] = options->entries[LOAD_IFACE_STATS],
        .row_limit[TCTL_DROPS] = row_limit(options, LOAD_APP_UID_STATS),
        .exempt_esp = options->exempt_esp,
        .exempt_loopback = options->exempt_loopback,
        .chains = config->chains,
        .closed = config->closed,
        .sub_uids = {options->sub_uids.first, options->sub_uids.last},
        .deleting = {.uid = TCTL_NOBODY},
    };
    fill_ranges(options, config);
    return ifaces_netns(&config->netns_inum);
}

/* What is there now goes to undo and to *ret_config. */
static int open_config(const char *bpffs, struct undo *undo, int *ret_fd, struct tctl_config *ret_config)
{
    const uint32_t zero = 0;
    struct undo_step *step;
    _cleanup_fd_ int fd = -1, generation = -1;
    int r = pins_open_map(bpffs, PIN_CONFIG, true, &fd);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_GENERATION, true, &generation);
    if (r < 0)
        return r;
    r = undo_plan(undo, UNDO_ELEMENT, pins[PIN_CONFIG].path, fd, generation, &step);
    if (r < 0)
        return r;
    step->bytes = malloc(sizeof(*ret_config));
    if (!step->bytes)
        return -ENOMEM;
    r = bpf_map_lookup_elem(fd, &zero, step->bytes);
    if (r < 0)
        return r;
    memcpy(ret_config, step->bytes, sizeof(*ret_config));
    undo_arm(undo);
    *ret_fd = fd_take(&fd);
    return 0;
}

static int raise_generation(const char *bpffs)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, PIN_GENERATION, true, &fd);
    return r < 0 ? r : generation_raise(fd);
}

static int write_config(const struct load_options *options, bool ranges_only, struct undo *undo)
{
    const uint32_t zero = 0;
    struct tctl_config config;
    _cleanup_fd_ int fd = -1;
    int r = open_config(options->bpffs, undo, &fd, &config);
    if (r == 0 && ranges_only)
        fill_ranges(options, &config);
    else if (r == 0)
        r = configure_fill(options, &config);
    if (r == 0)
        r = bpf_map_update_elem(fd, &zero, &config, BPF_ANY);
    return r < 0 ? r : raise_generation(options->bpffs);
}

int configure_write(const struct load_options *options, bool ranges_only, struct undo *undo, struct fault *fault)
{
    int r = write_config(options, ranges_only, undo);
    return r < 0 ? fault_set(fault, r, "cannot write the configuration at %s: %s", options->bpffs, strerror(-r)) : 0;
}
