/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <config.h>
#include <effective.h>
#include <errno.h>
#include <keeper.h>
#include <state.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "fd.h"
#include "keep_nft.h"
#include "lock.h"
#include "owner.h"
#include "record.h"
#include "restore.h"

const uint32_t keep_nft_wanted =
    1u << TCTL_PROG_INGRESS | 1u << TCTL_PROG_EGRESS | 1u << TCTL_PROG_CONNECT4 | 1u << TCTL_PROG_CONNECT6;

void keep_nft_options(struct tctl_state *state, const struct load_options *options, const char *why)
{
    snprintf(state->options, sizeof(state->options), "%s" EFFECTIVE_WHY " = %s\n",
             options->effective ? options->effective : "", why);
}

int keep_nft_put(struct loaded *loaded, bool asleep, struct fault *fault)
{
    struct tctl_config config;
    struct nft_asked asked = {.config = &config, .asleep = asleep};
    int r = nft_config_of(loaded->state, &config);
    if (r == 0)
        r = nft_config_sizes(loaded->state, &asked.sizes);
    if (r < 0)
        return fault_set(fault, r, "%s/" TCTL_DIR "/state does not say what was asked for", loaded->place);
    return nft_keeper_put(loaded->keeper, &asked, fault);
}

static int look(struct loaded *loaded, struct nft_whole *ret_whole)
{
    struct tctl_config config;
    int r = nft_config_of(loaded->state, &config);
    return r < 0 ? r : nft_keeper_look(loaded->keeper, &config, ret_whole);
}

static void note_culprit(const struct loaded *loaded, struct load_seen *seen)
{
    const struct nft_culprit culprit = nft_keeper_culprit(loaded->keeper);
    seen->culprit = culprit.pid;
    memcpy(seen->by_name, culprit.name, sizeof(seen->by_name));
}

static struct load_seen seen_of(const struct loaded *loaded, const struct nft_whole *whole)
{
    struct load_seen seen = {
        .attached = nft_whole_attached(whole),
        .table = !nft_whole_is(whole),
        .flushed = !whole->exists,
        .maps = state_is_file(loaded->place) ? 0 : UINT64_C(1) << PIN_STATE,
    };
    seen.missing = loaded->wanted & ~seen.attached;
    if (seen.flushed)
        note_culprit(loaded, &seen);
    return seen;
}

static int watch(struct loaded *loaded, struct load_seen *ret_seen)
{
    struct nft_whole whole;
    int r = look(loaded, &whole);
    if (r < 0)
        return r;
    *ret_seen = seen_of(loaded, &whole);
    record_seen(loaded->state, ret_seen->attached, whole.switched);
    return 0;
}

/* Who it was is told behind all that he did, of which the beginning may have been enough to come here. */
static void hear_culprit(struct loaded *loaded, struct load_seen *found)
{
    bool ours;
    nft_keeper_hear(loaded->keeper, &ours);
    if (found->flushed)
        note_culprit(loaded, found);
}

/*
 * What held in it holds again, and if that is not known, since it was changed just before, the saved policy, however
 * often that has to be tried. What held for some time then was let go by whoever took the table.
 */
static int put_again(struct loaded *loaded, const struct load_options *options, const struct load_seen *found,
                     struct fault *fault)
{
    struct load_options here = *options;
    here.bpffs = loaded->place;
    loaded->owes_policy |= found->flushed && nft_keeper_is_behind(loaded->keeper);
    int r = keep_nft_put(loaded, false, fault);
    if (r == 0 && loaded->owes_policy)
        r = restore_policy(&here, true, NULL, fault);
    if (r == 0)
        loaded->owes_policy = false;
    return r;
}

/* A change of the policy meanwhile takes the same lock. What was counted is carried over at once. */
static int repair(struct loaded *loaded, const struct load_options *options, struct load_seen *ret_found,
                  struct fault *fault)
{
    struct nft_whole whole = {0};
    _cleanup_fd_ int folder = -1;
    int r = lock_folder(loaded->place, NULL, &folder, fault);
    if (r == -ENOENT || r == -ESTALE || (r == 0 && !state_is_file(loaded->place)))
        return fault_set(fault, -ESRCH, "%s/" TCTL_DIR "/state is gone: restart trafficd", loaded->place);
    if (r == 0)
        r = look(loaded, &whole);
    if (r < 0)
        return r;
    *ret_found = seen_of(loaded, &whole);
    if (nft_whole_is(&whole) && !loaded->owes_policy)
        return 0;
    r = put_again(loaded, options, ret_found, fault);
    hear_culprit(loaded, ret_found);
    return r < 0 ? r : nft_keeper_save(loaded->keeper, fault);
}

static int apply_locked(struct loaded *loaded, const struct load_options *options, load_warn_fn warn,
                        struct fault *fault)
{
    const struct tctl_state before = *loaded->state;
    char why[EFFECTIVE_LEN] = "";
    effective_find(&before, EFFECTIVE_WHY, why);
    keep_nft_options(loaded->state, options, why);
    int r = keep_nft_put(loaded, false, fault);
    if (r < 0) {
        memcpy(loaded->state->options, before.options, sizeof(before.options));
        return r;
    }
    const gid_t group = owner_readers(options, warn);
    r = state_own_file(loaded->place, group);
    if (r < 0)
        return fault_set(fault, r, "cannot give the state to group %u: %s", (unsigned)group, strerror(-r));
    loaded->read_group = group;
    return 0;
}

static int apply(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    _cleanup_fd_ int folder = -1;
    int r = lock_folder(loaded->place, NULL, &folder, fault);
    if (r == 0)
        r = apply_locked(loaded, options, warn, fault);
    if (r == 0)
        restore_warn(options, warn);
    return r;
}

const struct engine engine_nft = {
    .backend = "nft",
    .start = start_nft,
    .apply = apply,
    .watch = watch,
    .repair = repair,
};
