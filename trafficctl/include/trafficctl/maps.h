/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl: what is pinned under netd's names, and the rows of its ten maps as they are: by interface number,
 * nothing merged, whoever wrote them. For dumps. Totals by user and by interface: see trafficctl/traffic.h.
 *
 * Every function returns 0 or a negative errno and leaves its out-parameters untouched on failure. Each map is opened
 * when it is read, so that one that is missing, or not open to this user, is missing alone. A handle may be used by one
 * thread at a time; different handles are independent. Nothing here prints, exits or keeps global state.
 */
#ifndef TRAFFICCTL_MAPS_H
#define TRAFFICCTL_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trafficctl/traffic.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Ten maps, four programs. Who may read a map beside root stands behind it; the programs are root's. */
enum tctl_pin {
    TCTL_PIN_COOKIE_TAG,       /* accounting_group */
    TCTL_PIN_UID_COUNTER_SET,  /* accounting_group */
    TCTL_PIN_APP_UID_STATS,    /* read_group */
    TCTL_PIN_UID_STATS,        /* read_group */
    TCTL_PIN_TAG_STATS,        /* read_group */
    TCTL_PIN_IFACE_INDEX_NAME, /* read_group */
    TCTL_PIN_IFACE_STATS,      /* read_group */
    TCTL_PIN_DOZABLE_UID,
    TCTL_PIN_STANDBY_UID,
    TCTL_PIN_POWERSAVE_UID,
    TCTL_PIN_INGRESS_PROG,
    TCTL_PIN_EGRESS_PROG,
    TCTL_PIN_XT_INGRESS_PROG,
    TCTL_PIN_XT_EGRESS_PROG,
    TCTL_PINS
};

/* A row of TCTL_PIN_COOKIE_TAG: a tagged socket. */
struct tctl_socket_row {
    uint64_t cookie; /* SO_COOKIE */
    uint32_t uid;    /* who is charged */
    uint32_t tag;    /* 0: charged to uid without a tag */
};

/*
 * A row of TCTL_PIN_UID_COUNTER_SET (value: the set, 0 default/background, 1 foreground) or of a chain (value: 0 drops,
 * anything else passes; UID 4294967295 is the chain's switch: 1 on).
 */
struct tctl_uid_value_row {
    uint32_t uid;
    uint8_t value;
};

/* A row of TCTL_PIN_IFACE_INDEX_NAME. */
struct tctl_name_row {
    uint32_t iface_index;
    char iface[TCTL_IFACE_LEN];
    bool present; /* the interface is there now */
};

/* A row of one of the four maps of counters. What does not name a row in its map is 0. */
struct tctl_stats_row {
    uint32_t iface_index;       /* 0: another network namespace; from 0x80000000 on: of an interface that was removed */
    char iface[TCTL_IFACE_LEN]; /* "": no name is known */
    bool present;               /* the interface is there now */
    uint32_t uid, tag, set;
    struct tctl_counters counters;
};

/* Pins of one bpffs. */
struct tctl_maps;

/*
 * bpffs may be NULL. The handle is owned by the caller; end it with tctl_maps_close(). Needs membership of read_group
 * (or root). Errors as tctl_open(), but that a missing map is none: -ENOENT: nothing is pinned there at all;
 * -EOPNOTSUPP: trafficd counts by nf_tables there, without maps.
 */
int tctl_maps_open(const char *bpffs, struct tctl_maps **ret_maps);

/* NULL is fine. Always returns NULL. */
struct tctl_maps *tctl_maps_close(struct tctl_maps *maps);

/* File name of a pin below the bpffs: "traffic_cookie_tag_map". Static; NULL: there is no such pin. */
const char *tctl_pin_name(enum tctl_pin pin);

/*
 * Is it pinned, and open to this user? -ENOENT: it is not pinned; -EACCES: not open to this user; -EPROTO: keys or
 * values are of another size; -EINVAL: there is no such pin; -ENOMEM, -errno of bpf(2).
 */
int tctl_maps_check(struct tctl_maps *maps, enum tctl_pin pin);

/*
 * All rows of a map, ascending: by cookie, UID or interface number; counters by interface number, UID, tag and set,
 * those of all CPUs summed. *ret_rows is malloc'ed and owned by the caller (free()); NULL when there are none. A row
 * that somebody deletes or adds meanwhile may or may not be there; no other row is missed or doubled. -EINVAL: pin is
 * not a map of such rows; else errors of tctl_maps_check() and tctl_read_uids().
 */
int tctl_maps_read_sockets(struct tctl_maps *maps, struct tctl_socket_row **ret_rows, size_t *ret_count);
int tctl_maps_read_uids(struct tctl_maps *maps, enum tctl_pin pin, struct tctl_uid_value_row **ret_rows,
                        size_t *ret_count);
int tctl_maps_read_names(struct tctl_maps *maps, struct tctl_name_row **ret_rows, size_t *ret_count);
int tctl_maps_read_stats(struct tctl_maps *maps, enum tctl_pin pin, struct tctl_stats_row **ret_rows,
                         size_t *ret_count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
