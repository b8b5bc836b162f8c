/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "loaded.h"

#include <chains.h>
#include <interfaces_page.h>
#include <netfilter.h>
#include <state.h>
#include <stdlib.h>

#include "cleanup.h"
#include "configure.h"
#include "fd.h"
#include "interfaces.h"
#include "lock.h"
#include "look.h"
#include "owner.h"
#include "record.h"
#include "restore.h"

struct loaded *loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return NULL;
    state_unmap(loaded->state);
    interfaces_unmap(loaded->interfaces);
    netfilter_held_free(loaded->held);
    fd_close(loaded->running_fd);
    free(loaded->bpffs);
    free(loaded->cgroup);
    free(loaded);
    return NULL;
}

int loader_apply(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    struct load_options here = *options;
    here.bpffs = loaded->bpffs;
    _cleanup_fd_ int lock = -1;
    int r = lock_folder(loaded->bpffs, NULL, &lock, fault);
    if (r < 0)
        return r;

    struct undo undo = {0};
    r = configure_write(&here, true, &undo, fault);
    if (r == 0)
        r = owner_set_all(&here, warn, &undo, fault);
    if (r < 0)
        undo_all(&undo);
    else
        record_options(loaded->state, options);
    undo_forget(&undo);
    if (r == 0)
        restore_warn(&here, warn);
    return r;
}

int loader_watch(struct loaded *loaded, struct load_seen *ret_seen)
{
    uint32_t chains;
    int r = look(loaded, ret_seen);
    if (r < 0)
        return r;
    if (chains_switched(loaded->bpffs, &chains) < 0)
        chains = loaded->state->chains;
    record_seen(loaded->state, ret_seen->attached, chains);
    if (!ret_seen->no_places)
        loaded->interfaces->hooked = interfaces_hooked(loaded, ret_seen->places);
    return 0;
}
