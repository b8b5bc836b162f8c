/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <chains.h>

#include "cleanup.h"
#include "configure.h"
#include "engine.h"
#include "fd.h"
#include "interfaces.h"
#include "lock.h"
#include "look.h"
#include "owner.h"
#include "record.h"
#include "restore.h"

static int apply(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    _cleanup_fd_ int lock = -1;
    int r = lock_folder(loaded->place, NULL, &lock, fault);
    if (r < 0)
        return r;

    struct undo undo = {0};
    r = configure_write(options, true, &undo, fault);
    if (r == 0)
        r = owner_set_all(options, warn, &undo, fault);
    if (r < 0)
        undo_all(&undo);
    else
        record_options(loaded->state, options);
    undo_forget(&undo);
    if (r == 0)
        restore_warn(options, warn);
    return r;
}

static int watch(struct loaded *loaded, struct load_seen *ret_seen)
{
    uint32_t chains;
    int r = look(loaded, ret_seen);
    if (r < 0)
        return r;
    if (chains_switched(loaded->place, &chains) < 0)
        chains = loaded->state->chains;
    record_seen(loaded->state, ret_seen->attached, chains);
    if (!ret_seen->no_places)
        loaded->interfaces->hooked = interfaces_hooked(loaded, ret_seen->places);
    return 0;
}

const struct engine engine_bpf = {
    .backend = "bpf",
    .start = start_bpf,
    .apply = apply,
    .watch = watch,
    .repair = repair_bpf,
};
