/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "loaded.h"

#include <errno.h>
#include <interfaces_page.h>
#include <keeper.h>
#include <malloc.h>
#include <netfilter.h>
#include <snapshot.h>
#include <state.h>
#include <stdlib.h>

#include "cleanup.h"
#include "engine.h"
#include "fd.h"
#include "interfaces.h"

int loader_start(const struct load_options *options, bool keep_running, load_warn_fn warn, struct loaded **ret_loaded,
                 struct fault *fault)
{
    char why[LOAD_WHY_LEN] = "";
    enum load_backend backend;
    int r = choose_backend(options, warn, &backend, why, fault);
    if (r < 0)
        return r;
    const struct engine *engine = backend == LOAD_BACKEND_NFT ? &engine_nft : &engine_bpf;
    r = engine->start(options, keep_running, why, warn, ret_loaded, fault);
    /* libbpf's copies of the programs and the kernel's types were most of this process. */
    malloc_trim(0);
    return r;
}

struct loaded *loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return NULL;
    nft_keeper_free(loaded->keeper);
    state_unmap(loaded->state);
    interfaces_unmap(loaded->interfaces);
    netfilter_held_free(loaded->held);
    fd_close(loaded->running_fd);
    fd_close(loaded->alone_fd);
    free(loaded->place);
    free(loaded->cgroup);
    free(loaded);
    return NULL;
}

int loader_apply(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    struct load_options here = *options;
    here.bpffs = loaded->place;
    return loaded->engine->apply(loaded, &here, warn, fault);
}

int loader_watch(struct loaded *loaded, struct load_seen *ret_seen)
{
    return loaded->engine->watch(loaded, ret_seen);
}

int loader_repair(struct loaded *loaded, const struct load_options *options, struct load_seen *ret_found,
                  struct fault *fault)
{
    int r = loaded->engine->repair(loaded, options, ret_found, fault);
    malloc_trim(0); /* as after a start */
    return r;
}

const char *loaded_backend(const struct loaded *loaded)
{
    return loaded->engine->backend;
}

const char *loaded_place(const struct loaded *loaded)
{
    return loaded->place;
}

bool loaded_has_maps(const struct loaded *loaded)
{
    return !loaded->keeper;
}

const char *loaded_netfilter(const struct loaded *loaded)
{
    return loaded->keeper ? load_netfilter_name(LOAD_NETFILTER_NFT) : interfaces_way(loaded);
}

gid_t loaded_read_group(const struct loaded *loaded)
{
    return loaded->read_group;
}

int loaded_descriptor(const struct loaded *loaded)
{
    return loaded->keeper ? nft_keeper_descriptor(loaded->keeper) : -1;
}

int loader_hear(struct loaded *loaded, bool *ret_ours)
{
    return nft_keeper_hear(loaded->keeper, ret_ours);
}

int loader_hand(struct loaded *loaded, int *ret_fd)
{
    _cleanup_(nft_counts_done) struct nft_counts counts = {0};
    if (!loaded->keeper)
        return -EOPNOTSUPP;
    int r = nft_keeper_read(loaded->keeper, &counts);
    return r < 0 ? r : nft_snapshot_seal(loaded->state, &counts, ret_fd);
}

int loader_save(struct loaded *loaded, struct fault *fault)
{
    return loaded->keeper ? nft_keeper_save(loaded->keeper, fault) : 0;
}
