/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "loaded.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <state.h>
#include <stdlib.h>

#include "attach.h"
#include "cleanup.h"
#include "fd.h"
#include "lock.h"
#include "owner.h"
#include "policy.h"
#include "record.h"

struct loaded *loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return NULL;
    state_unmap(loaded->state);
    fd_close(loaded->running_fd);
    free(loaded->bpffs);
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
    r = policy_write(&here, true, &undo, fault);
    if (r == 0)
        r = owner_set_all(&here, warn, &undo, fault);
    if (r < 0)
        undo_all(&undo);
    else
        record_options(loaded->state, options);
    undo_forget(&undo);
    return r;
}

static bool is_switched_on(const char *bpffs, enum pin_id chain)
{
    const uint32_t key = TCTL_CHAIN_SWITCH;
    uint8_t value = 0;
    _cleanup_fd_ int fd = -1;
    return pins_open_map(bpffs, chain, false, &fd) == 0 && bpf_map_lookup_elem(fd, &key, &value) == 0 && value == 1;
}

static uint32_t chains_on(const char *bpffs)
{
    static const enum pin_id chains[TCTL_CHAINS] = {
        [TCTL_DOZABLE] = PIN_DOZABLE_UID,
        [TCTL_STANDBY] = PIN_STANDBY_UID,
        [TCTL_POWERSAVE] = PIN_POWERSAVE_UID,
    };
    uint32_t on = 0;
    for (int i = 0; i < TCTL_CHAINS; i++)
        on |= is_switched_on(bpffs, chains[i]) ? 1u << i : 0;
    return on;
}

int loader_watch(struct loaded *loaded, uint32_t *ret_attached, uint32_t *ret_missing)
{
    uint32_t attached;
    int r = attach_look(loaded->bpffs, loaded->cgroup_id, &attached);
    if (r < 0)
        return r;
    record_seen(loaded->state, attached, chains_on(loaded->bpffs));
    *ret_attached = attached;
    *ret_missing = loaded->wanted & ~attached;
    return 0;
}
