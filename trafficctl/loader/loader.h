/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The privileged part: create or adopt the pins, load the programs, attach them by pinned links, replace them in place,
 * take everything down. Everything stays when the process that called it ends. Functions return 0 or a negative
 * errno with a line in fault; nothing here logs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fault.h"
#include "parse.h"

/* The ten maps of netd's names, in the order of lib/pins.h; index of load_options.entries. */
enum load_map {
    LOAD_COOKIE_TAG,
    LOAD_UID_COUNTER_SET,
    LOAD_APP_UID_STATS,
    LOAD_UID_STATS,
    LOAD_TAG_STATS,
    LOAD_IFACE_INDEX_NAME,
    LOAD_IFACE_STATS,
    LOAD_DOZABLE_UID,
    LOAD_STANDBY_UID,
    LOAD_POWERSAVE_UID,
    LOAD_MAPS,
};

#define LOAD_MAX_UID_RANGES 8

/* What holds when the saved policy cannot be read. */
enum load_bad_policy {
    LOAD_KEEP,   /* what the maps hold; new ones: the last good policy, without one as LOAD_CLOSED */
    LOAD_CLOSED, /* nobody passes whom the firewall may judge */
    LOAD_OPEN,   /* everybody passes */
};

/* Where interfaces are counted. */
enum load_netfilter {
    LOAD_NETFILTER_OFF,
    LOAD_NETFILTER_LINK,   /* at BPF netfilter links (kernel 6.4) */
    LOAD_NETFILTER_NFT,    /* in a table of nf_tables of our own */
    LOAD_NETFILTER_LEGACY, /* in the tables of iptables-legacy */
    LOAD_NETFILTER_AUTO,   /* the first of these that works; none of them is worth a warning */
};

/* What counts and judges. */
enum load_backend {
    LOAD_BACKEND_AUTO, /* BPF; nf_tables only where that cannot be had */
    LOAD_BACKEND_BPF,
    LOAD_BACKEND_NFT,
};

struct load_options {
    enum load_backend backend;
    const char *bpffs;
    const char *cgroup; /* NULL: the cgroup2 mount, made at /run/trafficctl/cgroup2 if there is none */
    bool percpu;
    uint32_t entries[LOAD_MAPS]; /* sizes of the maps */
    struct uid_range app_uids[LOAD_MAX_UID_RANGES];
    size_t app_uid_count;
    struct uid_range sub_uids; /* UIDs that only user namespaces of plain users give to sockets */
    uint32_t per_user_range;   /* 0: off */
    bool fold_user_namespaces;
    const char *policy; /* file; NULL: nothing was ever asked for */
    enum load_bad_policy on_bad_policy;
    bool exempt_esp, exempt_loopback;
    enum load_netfilter netfilter;
    uint32_t rows_per_uid;        /* rows one UID may make in each stats map; 0: an eighth of the map */
    const char *accounting_group; /* group names or numbers; a missing group falls back to root */
    const char *read_group;
    bool bpffs_search;     /* give the bpffs root search permission (0711) */
    const char *effective; /* text for tctl_state.options */
};

/* Name of a map in the section [maps] of the configuration: the pin's without "traffic_" and "_map". Static. */
const char *load_map_key(enum load_map map);
uint32_t load_map_default_entries(enum load_map map);

/* "off", "link", "nft", "legacy", "auto"; static. */
const char *load_netfilter_name(enum load_netfilter netfilter);

/* "auto", "bpf", "nft"; static. */
const char *load_backend_name(enum load_backend backend);

/* Why nf_tables counts: a line without its end, the NUL included. */
#define LOAD_WHY_LEN 128

/* Called for what is worth a warning and stops nothing: a missing group, a part that this kernel lacks. */
typedef void (*load_warn_fn)(const char *text);

/* What a start holds for the life of trafficd: the lock that says it runs, the mapped state. */
struct loaded;

/*
 * Choose a backend; then load or adopt, replace in place, attach, pin, or put the table of nf_tables. On failure
 * everything this call made is taken back.
 * keep_running: hold the lock of a running trafficd until loaded_free(); without it (--load-only) the lock is not
 * taken. -EBUSY: another trafficd runs (fault names its pid), on another control group where its lock is not asked for;
 * -EEXIST: a pin of another shape, or the other backend counts there; -EINVAL: nf_tables cannot do what options ask
 * for; -EPERM: a capability is missing (named); -ENOTSUP: the kernel lacks a needed part (named); -EMEDIUMTYPE: bpffs
 * is a foreign file system; -E2BIG, -ENOMEM: a map is too large (named); -EMFILE.
 */
int loader_start(const struct load_options *options, bool keep_running, load_warn_fn warn, struct loaded **ret_loaded,
                 struct fault *fault);
/* What counts and judges: "bpf", "nft". Static. */
const char *loaded_backend(const struct loaded *loaded);
/* Where the pins are, or the files of a backend without pins. Lives as long as loaded. */
const char *loaded_place(const struct loaded *loaded);
/* By which way interfaces are counted: as load_netfilter_name(), never "auto". Static. */
const char *loaded_netfilter(const struct loaded *loaded);
/* Can sockets be tagged, and are there maps to follow interfaces in? */
bool loaded_has_maps(const struct loaded *loaded);
/* Who may read the counters; root's, where there is no such group. */
gid_t loaded_read_group(const struct loaded *loaded);
/* Ends nothing but this process's hold: programs, links and maps stay. NULL is fine. Returns NULL. */
struct loaded *loaded_free(struct loaded *loaded);

/* Apply what SIGHUP may change (app_uids, per_user_range, groups) to what is loaded, and note options->effective. */
int loader_apply(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault);

/* What is left of what a start left there. */
struct load_seen {
    uint32_t attached; /* 1 << enum tctl_program: ours, and on the control group */
    uint32_t missing;  /* wanted, and not attached */
    uint32_t foreign;  /* of those: another program is where ours was, by our link */
    bool no_group;     /* the control group was removed; maybe there is a new one of that name */
    uint64_t pins;     /* 1 << enum pin_id of lib/pins.h: programs and links whose pin is gone or somebody else's */
    uint64_t maps;     /* the same of maps */
    uint32_t places;   /* 1 << enum tctl_iface_hook: where interfaces are counted no more */
    bool no_places;    /* who has no privilege cannot look there */
    bool table;        /* the table of nf_tables is not whole, or gone */
    bool flushed;      /* of those: gone, with what it had counted since it was saved */
    int culprit;       /* process that did it, by_name; 0: that is not known */
    char by_name[16];
};

/* Is all of it there? */
bool load_seen_whole(const struct load_seen *seen);

/* Look at the attachments, the pins and the chain switches, and note them in the state. -errno. */
int loader_watch(struct loaded *loaded, struct load_seen *ret_seen);

/*
 * Make whole what is not, as far as it can be: programs attached again on the control group that the path names now,
 * put in the place of others under our links, loaded again over the maps that are there where their pins are gone. What
 * is attached goes on meanwhile, and after a failure. *ret_found: what was wrong when nobody else was loading; nothing
 * is done where that is nothing. What loader_hear() would tell may be taken meanwhile, so look again. options are those
 * of the start. -ESRCH: maps are gone, which takes a restart; -ENOENT:
 * the control group is (named); -EBUSY: another process loads or writes; else as loader_start().
 */
int loader_repair(struct loaded *loaded, const struct load_options *options, struct load_seen *ret_found,
                  struct fault *fault);

/*
 * Where interfaces are counted at this moment: bits 1 << enum tctl_iface_hook, in the order of tctl_status.places.
 * Needs root. -EXDEV: they are counted in another network namespace, which cannot be seen from here; -ENOENT: nothing
 * is pinned.
 */
int loader_look_interfaces(const char *bpffs, uint32_t *ret_hooked);

/*
 * Detach and unpin everything, or delete the table of nf_tables. -EBUSY: trafficd runs (fault names its pid); -EACCES:
 * it takes root. Success where nothing is pinned, also where there is no folder trafficctl/: pins of netd's names alone
 * are not ours. -EXDEV: something is left, or where it counts by nf_tables everything, in another network namespace
 * (named).
 */
int loader_unload(const char *bpffs, struct fault *fault);

/*
 * Where others may change what counts by nf_tables: a descriptor that is readable when somebody has, or -1; and take
 * all that was told there. *ret_ours: ours was changed, so look (loader_watch()). -errno; -ENOBUFS: something was not
 * heard, which may have been that.
 */
int loaded_descriptor(const struct loaded *loaded);
int loader_hear(struct loaded *loaded, bool *ret_ours);

/*
 * All counters at this moment, as a sealed memfd for members of read_group, who may not ask nf_tables; the caller's.
 * -EOPNOTSUPP where they read maps. And save them, so that they outlive the table; nothing where maps do. -errno.
 */
int loader_hand(struct loaded *loaded, int *ret_fd);
int loader_save(struct loaded *loaded, struct fault *fault);

struct requirement {
    const char *name; /* "CONFIG_CGROUP_BPF", "MEMLOCK 8 MiB", "release hook", ... */
    bool ok;
    const char *needed_for;     /* what is lost without it */
    enum load_backend required; /* nothing counts by this backend without it; LOAD_BACKEND_AUTO: it goes without */
};

/*
 * What this kernel has, found by trying. *ret_requirements is malloc'ed, owned by the caller; strings are static.
 * -EPERM: who may not load cannot try either (fault names the capabilities).
 */
int loader_probe(struct requirement **ret_requirements, size_t *ret_count, struct fault *fault);

/*
 * Which backend LOAD_BACKEND_AUTO takes below bpffs with options that any backend can do, why, and what that cannot do.
 * Nothing is changed. Needs root; errors as loader_start(), -ENOTSUP: neither can be had.
 */
struct tctl_backend;
int loader_would_take(const char *bpffs, struct tctl_backend *ret_backend, struct fault *fault);
