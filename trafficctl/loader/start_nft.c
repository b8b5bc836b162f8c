/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <config.h>
#include <errno.h>
#include <ifaces.h>
#include <keeper.h>
#include <place.h>
#include <state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alone.h"
#include "cleanup.h"
#include "engine.h"
#include "fd.h"
#include "job.h"
#include "keep_nft.h"
#include "lock.h"
#include "owner.h"
#include "place_files.h"
#include "record.h"
#include "restore.h"

struct start {
    struct load_options options; /* with the place that is used */
    const char *why;
    load_warn_fn warn;
    struct fault *fault;
    struct undo undo;
    struct loaded *loaded;
    struct tctl_state before; /* what was noted by an earlier start */
    bool state_was, table_was, is_new;
    bool table_made;
};

static int check_home(const struct start *start, uint32_t netns)
{
    const struct tctl_state *before = &start->before;
    if (before->netns_inum == netns)
        return 0;
    return fault_set(
        start->fault, -EXDEV,
        "an earlier start counts in the network namespace net:[%u]: run \"trafficctl unload\" there first; "
        "if that one is gone, remove %s/" TCTL_DIR,
        before->netns_inum, start->options.bpffs);
}

/* What another boot has left counts no more than what never was. bpf(2), which would look for a pin, may be denied. */
static int read_before(struct start *start, uint32_t netns)
{
    struct tctl_state now = {0};
    int r = state_is_file(start->options.bpffs) ? state_read_pinned(start->options.bpffs, &start->before) : -ENOENT;
    start->state_was = r != -ENOENT;
    record_begin(&now);
    if (r == -ENOENT || (r == 0 && strcmp(start->before.boot_id, now.boot_id) != 0)) {
        start->before = (struct tctl_state){0};
        return 0;
    }
    if (r == -EPROTO || (r == 0 && start->before.abi_version != TCTL_ABI_VERSION))
        return fault_set(start->fault, -EPROTO,
                         "%s/" TCTL_DIR " is of another version: run \"trafficctl unload\" first",
                         start->options.bpffs);
    return r < 0 ? r : check_home(start, netns);
}

/* At once what readers and an unload go by, whatever comes after. */
static int open_state(struct start *start)
{
    struct loaded *loaded = start->loaded;
    uint32_t netns = 0;
    loaded->read_group = owner_readers(&start->options, start->warn);
    int r = ifaces_netns(&netns);
    if (r == 0)
        r = read_before(start, netns);
    if (r == 0)
        r = state_make_file(start->options.bpffs, loaded->read_group, &loaded->state);
    if (r < 0)
        return *start->fault->text
                   ? r
                   : fault_set(start->fault, r, "the state below %s: %s", start->options.bpffs, strerror(-r));
    struct tctl_state now = start->before;
    record_begin(&now);
    now.since_sec = start->before.since_sec;
    now.abi_version = TCTL_ABI_VERSION;
    now.wanted = loaded->wanted;
    now.netns_inum = netns;
    *loaded->state = now;
    keep_nft_options(loaded->state, &start->options, start->why);
    return 0;
}

static int open_keeper(struct start *start)
{
    struct fault damaged = {0};
    int r = nft_keeper_open(start->options.bpffs, start->loaded->state, &start->loaded->keeper, &damaged, start->fault);
    if (r == 0 && *damaged.text && start->warn)
        start->warn(damaged.text);
    return r;
}

/* Does the table hold what it was told, by a start that came to its end? Until then none has looked at it. */
static int look_before(struct start *start)
{
    struct nft_whole whole = {0};
    struct tctl_config config;
    int r = nft_config_of(start->loaded->state, &config);
    if (r == 0)
        r = nft_keeper_look(start->loaded->keeper, &config, &whole);
    if (r < 0)
        return fault_set(start->fault, r, "nf_tables cannot be read: %s", strerror(-r));
    start->table_was = whole.exists && whole.ours && !whole.copy;
    start->is_new = !start->table_was || start->before.seen_sec == 0;
    for (enum nft_set set = NFT_SET_LISTED; set < NFT_SET_COUNTING; set++)
        start->is_new |= whole.sets[set] != NFT_RIGHT;
    if (start->is_new)
        start->loaded->state->seen_sec = 0;
    return 0;
}

/* A table that is made sees no packet before the policy holds in it. */
static int put_table(struct start *start)
{
    int r = look_before(start);
    if (r == 0)
        r = keep_nft_put(start->loaded, !start->table_was, start->fault);
    start->table_made = r == 0 && !start->table_was;
    if (r == 0)
        r = restore_policy(&start->options, start->is_new, start->warn, start->fault);
    return r < 0 ? r : keep_nft_put(start->loaded, false, start->fault);
}

/* From here on it is known which table is ours. What cannot be saved stops nothing. */
static void save(const struct start *start)
{
    struct fault fault = {0};
    if (nft_keeper_save(start->loaded->keeper, &fault) < 0 && start->warn)
        start->warn(fault.text);
}

static int start_locked(struct start *start)
{
    struct load_seen seen;
    int r = open_state(start);
    if (r == 0)
        r = open_keeper(start);
    if (r == 0)
        r = put_table(start);
    if (r == 0)
        r = start->loaded->engine->watch(start->loaded, &seen);
    if (r < 0)
        return r;
    save(start);
    if (start->loaded->state->since_sec == 0)
        record_begin(start->loaded->state);
    return 0;
}

/* Before the locks go. What was there before stays, and says what it said. */
static void take_back(struct start *start)
{
    struct loaded *loaded = start->loaded;
    _cleanup_free_ char *path = job_path(start->options.bpffs, pins[PIN_STATE].path);
    if (start->table_made)
        nft_keeper_remove(loaded->keeper, NULL);
    if (loaded->state)
        *loaded->state = start->before;
    if (loaded->state && start->is_new && start->table_was)
        loaded->state->seen_sec = 0; /* what is in there now is nobody's policy */
    if (loaded->state && !start->state_was && path)
        unlink(path);
    undo_all(&start->undo);
}

static int begin(struct start *start, bool keep_running)
{
    _cleanup_fd_ int folder = -1;
    struct loaded *loaded = start->loaded;
    int r;
    do {
        r = place_files_prepare(&start->options, &start->undo, &start->options.bpffs, start->fault);
        if (r == 0)
            r = lock_folder(start->options.bpffs, &start->undo, &folder, start->fault);
    } while (r == -ESTALE);
    if (r == 0 && keep_running)
        r = lock_running(start->options.bpffs, "stop it first", &start->undo, &loaded->running_fd, start->fault);
    if (r == 0 && keep_running)
        r = alone_take(start->warn, &loaded->alone_fd, start->fault);
    if (r == 0 && !(loaded->place = strdup(start->options.bpffs)))
        r = -ENOMEM;
    if (r == 0)
        r = start_locked(start);
    if (r < 0)
        take_back(start);
    undo_forget(&start->undo);
    return r;
}

/* Nobody asked for less. */
static void warn_of_less(const struct start *start)
{
    char text[256];
    if (start->options.backend != LOAD_BACKEND_AUTO || !start->warn)
        return;
    snprintf(text, sizeof(text), "nf_tables counts, since %s: 'trafficctl status' lists what that lacks", start->why);
    start->warn(text);
}

int start_nft(const struct load_options *options, bool keep_running, const char *why, load_warn_fn warn,
              struct loaded **ret_loaded, struct fault *fault)
{
    struct fault unheard = {0};
    struct start start = {.options = *options, .why = why, .warn = warn, .fault = fault ? fault : &unheard};
    start.loaded = calloc(1, sizeof(*start.loaded));
    if (!start.loaded)
        return -ENOMEM;
    *start.loaded = (struct loaded){.engine = &engine_nft, .wanted = keep_nft_wanted, .running_fd = -1, .alone_fd = -1};
    int r = begin(&start, keep_running);
    if (r < 0) {
        loaded_free(start.loaded);
        return r;
    }
    warn_of_less(&start);
    *ret_loaded = start.loaded;
    return 0;
}
