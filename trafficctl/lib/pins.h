/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Everything that is pinned below the bpffs: one table of names, shapes and owners, and how a peer opens a pin.
 *
 * The table says what a pin has to be; the loader makes pins by it and compares those it finds with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <traffic_abi.h>

/* A lock (flock) on this directory, mode 0700, is held by trafficd as long as it runs. */
#define PINS_RUNNING_DIR TCTL_DIR "/running"
/* And on this one, which the first of them makes, by whoever reads PIN_EVENTS. */
#define PINS_MONITORING "monitoring"
#define PINS_MONITORING_DIR TCTL_DIR "/" PINS_MONITORING

/* The ten maps of netd's names come first, in the order of the loader's enum load_map. */
enum pin_id {
    PIN_COOKIE_TAG,
    PIN_UID_COUNTER_SET,
    PIN_APP_UID_STATS,
    PIN_UID_STATS,
    PIN_TAG_STATS,
    PIN_IFACE_INDEX_NAME,
    PIN_IFACE_STATS,
    PIN_DOZABLE_UID,
    PIN_STANDBY_UID,
    PIN_POWERSAVE_UID,
    PIN_INGRESS_PROG,
    PIN_EGRESS_PROG,
    PIN_XT_INGRESS_PROG,
    PIN_XT_EGRESS_PROG,
    PIN_SOCKET_STORAGE,
    PIN_INHERITED_STORAGE,
    PIN_GENERATION,
    PIN_CONFIG,
    PIN_STATE,
    PIN_ROW_COUNT,
    PIN_SPILL, /* only with --counters percpu, as are the next three */
    PIN_BUSY,
    PIN_HOT,
    PIN_HOT_MOVES,
    PIN_TAG_COUNT,
    PIN_TAGS_ENDED,
    PIN_DELETIONS,
    PIN_LIVE,
    PIN_PEER_STORAGE,
    PIN_UID_RULES,
    PIN_UID_IFACE,
    PIN_METERED,
    PIN_DROPS,
    PIN_EVENTS,
    PIN_IFACE_PARTS,
    PIN_IFACE_BASE,
    PIN_INTERFACES,
    PIN_XT_CALLS,
    PIN_LINK_CALLS, /* only with --netfilter link, as are the programs and links of it */
    PIN_RELEASE_PROG,
    PIN_CONNECT4_PROG,
    PIN_CONNECT6_PROG,
    PIN_LINK_INGRESS_PROG,
    PIN_LINK_EGRESS_PROG,
    PIN_INGRESS_LINK,
    PIN_EGRESS_LINK,
    PIN_RELEASE_LINK,
    PIN_CONNECT4_LINK,
    PIN_CONNECT6_LINK,
    PIN_PREROUTING4_LINK, /* these four in the order of enum tctl_iface_hook */
    PIN_PREROUTING6_LINK,
    PIN_POSTROUTING4_LINK,
    PIN_POSTROUTING6_LINK,
    /* iterators: reading the pin runs the program. Only with kernel BTF */
    PIN_STORED_SOCKETS, /* nothing to read; raises what PIN_LIVE asks about and has our storage */
    PIN_OPEN_SOCKETS,   /* the same for what is open in some task */
    PIN_PEERS,          /* struct tctl_peer of each socket in peer_storage */
    PINS,
};
#define PINS_NETD_MAPS (PIN_POWERSAVE_UID + 1)

enum pin_kind {
    PIN_MAP,
    PIN_PROG,
    PIN_LINK,
};

enum pin_owner {
    PIN_ROOT,       /* root:root 0600 */
    PIN_ACCOUNTING, /* root:accounting_group 0640 */
    PIN_READERS,    /* root:read_group 0640 */
};

struct pin {
    const char *path; /* below the bpffs */
    enum pin_kind kind;
    enum pin_owner owner;
    bool counters;       /* a per-CPU hash with --counters percpu */
    uint32_t key_size;   /* maps only, as are the next two */
    uint32_t value_size; /* of one CPU */
    uint32_t entries;    /* default size; 0: the loader decides */
};

extern const struct pin pins[PINS];

/* The pins of the maps that hold counters. */
extern const enum pin_id pins_stats[TCTL_STATS_MAPS];

/* Absolute path of a pin. *ret_path is malloc'ed and owned by the caller. -ENOMEM. */
int pins_path(const char *bpffs, enum pin_id id, char **ret_path);

/*
 * Open a pinned map; the caller owns the descriptor. Without writable it can only be read, which members of the pin's
 * group may do. -ENOENT: not pinned; -EPROTO: keys or values of another size than the table says; errno of bpf(2).
 */
int pins_open_map(const char *bpffs, enum pin_id id, bool writable, int *ret_fd);

/* Open a pinned program or link, for root. The caller owns the descriptor. Errno of bpf(2). */
int pins_open(const char *bpffs, enum pin_id id, int *ret_fd);

/*
 * Open the folder of ours that pins are in, with flags of open(2). The caller owns the descriptor. -ENOENT: nothing is
 * pinned; -ENOMEM, -errno.
 */
int pins_open_folder(const char *bpffs, int flags, int *ret_fd);

/* Is what was pinned in it when it was opened still what counts? -ESTALE: everything was unloaded. -errno. */
int pins_check_loaded(int folder_fd);

/* The kernel's number of a map, program or link, by its descriptor; what is open is the same if this is. Errno of
 * bpf(2). */
int pins_number(int fd, uint32_t *ret_number);

/* What the descriptor of a pin is. -EBADF: of nothing that is pinned; -errno of readlink(2). */
int pins_kind(int fd, enum pin_kind *ret_kind);

/*
 * Who holds the lock on one of the folders above. 0: nobody (or a process that this pid namespace cannot see). Needs
 * search permission on trafficctl/ alone. -errno of stat or of reading /proc/locks; a missing directory is "nobody".
 */
int pins_lock_holder(const char *bpffs, const char *folder, pid_t *ret_pid);
