/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "choose.h"

#include <effective.h>
#include <errno.h>
#include <pins.h>
#include <place.h>
#include <state.h>
#include <stdio.h>
#include <string.h>
#include <table.h>
#include <unistd.h>

#include "configure.h"
#include "missing.h"
#include "privilege.h"

#define WHOLE_NAMESPACE "counts the whole network namespace: leave out --cgroup"

static bool is_pinned(const char *place)
{
    _cleanup_free_ char *path = NULL;
    return pins_path(place, PIN_STATE, &path) == 0 && access(path, F_OK) == 0;
}

/* LOAD_BACKEND_AUTO: nothing is. */
static enum load_backend loaded_at(const char *place)
{
    if (state_is_file(place))
        return LOAD_BACKEND_NFT;
    return is_pinned(place) ? LOAD_BACKEND_BPF : LOAD_BACKEND_AUTO;
}

/* Both at once would judge twice, and each count what the other drops. */
static int refuse_other(enum load_backend loaded, const char *place, struct fault *fault)
{
    return fault_set(fault, -EEXIST, "%s below %s: run 'trafficctl unload' (counters are lost) before %s",
                     loaded == LOAD_BACKEND_NFT ? "nf_tables counts already, with its state"
                                                : "programs of BPF count already, with their pins",
                     place, loaded == LOAD_BACKEND_NFT ? "programs are loaded" : "nf_tables counts");
}

/* What only programs can do, of what is asked for; NULL: nothing. */
static const char *in_vain(const struct load_options *options)
{
    if (options->netfilter != LOAD_NETFILTER_AUTO && options->netfilter != LOAD_NETFILTER_OFF)
        return options->percpu ? "--netfilter and --counters percpu" : "--netfilter";
    return options->percpu ? "--counters percpu" : NULL;
}

static int take_nft(const struct load_options *options, load_warn_fn warn, struct fault *fault)
{
    const char *vain = in_vain(options);
    char text[128];
    int r = privilege_check_nft(fault);
    if (r < 0)
        return r;
    if (options->cgroup)
        return fault_set(fault, -EINVAL, "nf_tables " WHOLE_NAMESPACE);
    if (vain && options->backend == LOAD_BACKEND_NFT)
        return fault_set(fault, -EINVAL, "nf_tables counts in one way only: leave out %s", vain);
    if (vain && warn) {
        snprintf(text, sizeof(text), "nf_tables counts in one way only: %s is ignored", vain);
        warn(text);
    }
    return 0;
}

/* By name, or since it counts there already: then for the reason of that time. */
static int take_nft_as_asked(const struct load_options *options, load_warn_fn warn, const char *place,
                             char ret_why[static LOAD_WHY_LEN], struct fault *fault)
{
    char kept[EFFECTIVE_LEN] = "it is loaded already";
    if (options->backend == LOAD_BACKEND_NFT)
        strcpy(kept, "--backend nft");
    else
        effective_read(place, EFFECTIVE_WHY, kept);
    snprintf(ret_why, LOAD_WHY_LEN, "%.*s", LOAD_WHY_LEN - 1, kept);
    return take_nft(options, warn, fault);
}

int choose_try_nft(const struct load_options *options, struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *talk = NULL;
    struct tctl_config config = {0};
    const struct nft_asked asked = {
        .config = &config,
        .sizes = {.users = options->entries[LOAD_UID_STATS],
                  .ifaces = options->entries[LOAD_IFACE_STATS],
                  .drops = options->entries[LOAD_APP_UID_STATS]},
    };
    int r = nft_talk_open(&talk, fault);
    if (r == 0)
        r = configure_fill(options, &config);
    return r < 0 ? r : nft_table_try(talk, &asked, fault);
}

/* Since BPF cannot be had. */
static int fall_back(const struct load_options *options, load_warn_fn warn, const char *why, struct fault *fault)
{
    struct fault second = {0};
    if (options->cgroup)
        return fault_set(fault, -EINVAL, "%s, and nf_tables " WHOLE_NAMESPACE, why);
    int r = choose_try_nft(options, &second);
    if (r < 0)
        return fault_set(fault, -ENOTSUP, "%s, and nf_tables will not do either: %s", why,
                         *second.text ? second.text : strerror(-r));
    return take_nft(options, warn, fault);
}

static int choose_freely(const struct load_options *options, load_warn_fn warn, enum load_backend *ret_backend,
                         char ret_why[static LOAD_WHY_LEN], struct fault *fault)
{
    *ret_backend = LOAD_BACKEND_BPF;
    if (privilege_check_nft(NULL) < 0 || !missing_bpf(options, ret_why))
        return 0;
    *ret_backend = LOAD_BACKEND_NFT;
    return fall_back(options, warn, ret_why, fault);
}

int choose_backend(const struct load_options *options, load_warn_fn warn, enum load_backend *ret_backend,
                   char ret_why[static LOAD_WHY_LEN], struct fault *fault)
{
    const char *place = place_find(options->bpffs);
    enum load_backend loaded = loaded_at(place), asked = options->backend;
    *ret_why = '\0';
    if (asked != LOAD_BACKEND_AUTO && loaded != LOAD_BACKEND_AUTO && loaded != asked)
        return refuse_other(loaded, place, fault);
    if (asked == LOAD_BACKEND_AUTO && loaded == LOAD_BACKEND_AUTO)
        return choose_freely(options, warn, ret_backend, ret_why, fault);
    *ret_backend = asked != LOAD_BACKEND_AUTO ? asked : loaded;
    return *ret_backend == LOAD_BACKEND_NFT ? take_nft_as_asked(options, warn, place, ret_why, fault) : 0;
}
