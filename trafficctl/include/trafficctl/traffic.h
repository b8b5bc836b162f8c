/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl: read per-UID network traffic from the maps that trafficd pinned, with or without trafficd running.
 *
 * Every function returns 0 or a negative errno and leaves its out-parameters untouched on failure. A handle may be used
 * by one thread at a time; different handles are independent. Nothing here prints, exits or keeps global state. No
 * function takes more privilege than tctl_open(), but that has to be kept: tctl_read_drops(), tctl_status() and
 * tctl_verify() open more pins, and all do after a start that made maps larger; errors as tctl_open() then. From any of
 * them -ESTALE: everything was unloaded since the handle was opened, open it anew.
 */
#ifndef TRAFFICCTL_TRAFFIC_H
#define TRAFFICCTL_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Default bpffs; what a NULL bpffs means everywhere below. */
#define TCTL_BPFFS "/sys/fs/bpf"

/* Names of interfaces, the ending NUL included (the kernel's IFNAMSIZ). */
#define TCTL_IFACE_LEN 16

/* Open maps of one bpffs. */
struct tctl;

/* Packets, and bytes from the network header on, as on the wire, since counting began; trafficd(8) has the exceptions.
 */
struct tctl_counters {
    uint64_t rx_bytes;
    uint64_t rx_packets;
    uint64_t tx_bytes;
    uint64_t tx_packets;
};

struct tctl_uid_row {
    uint32_t uid;
    struct tctl_counters counters;
};

struct tctl_iface_row {
    char iface[TCTL_IFACE_LEN];
    struct tctl_counters counters;
};

struct tctl_detail_row {
    char iface[TCTL_IFACE_LEN];
    uint32_t uid;
    uint32_t tag; /* 0: all traffic of the UID, tagged traffic included */
    uint32_t set; /* 0 default/background, 1 foreground */
    struct tctl_counters counters;
};

/* Which detail rows are wanted; a zeroed filter wants all of them. */
struct tctl_filter {
    const char *const *ifaces; /* names; borrowed */
    size_t iface_count;        /* 0: all */
    bool has_uid, has_tag, has_set;
    uint32_t uid, tag, set;
};

/*
 * Open the stats pins read-only. bpffs may be NULL. The handle is owned by the caller; end it with tctl_close().
 * Needs membership of read_group (or root). -ENOENT: nothing is pinned there, trafficd never ran; -EACCES: not in the
 * group, or no search permission on the bpffs; -EPERM: kernels before 5.19 open pins for root only; -EPROTO: the pins
 * are of another version of trafficctl; -ENOMEM.
 *
 * Where trafficd counts by nf_tables, without a bpffs, the default is /run/trafficctl/nft too, and trafficd is asked
 * for the counters. While it does not run root asks the kernel, in its network namespace; everybody else gets -ENOTCONN
 * from the functions below.
 */
int tctl_open(const char *bpffs, struct tctl **ret_traffic);

/* What readings keep memory for is freed now. NULL is fine. Always returns NULL. */
struct tctl *tctl_close(struct tctl *traffic);

/*
 * Totals by UID, ascending by UID. *ret_rows is malloc'ed and owned by the caller (free()); NULL when there are none.
 * A row that somebody deletes or adds meanwhile may or may not be there; no other row is missed or doubled. While a
 * start makes maps larger this waits, and reads those. -EBUSY: it has taken 5 seconds, so it was killed: start again;
 * -EAGAIN: rows are deleted faster than they can be listed (before Linux 5.6 only); -ENOMEM, -errno of bpf(2).
 */
int tctl_read_uids(struct tctl *traffic, struct tctl_uid_row **ret_rows, size_t *ret_count);

/* Totals of one UID. A UID without traffic has zeroes and is no error. Errors as tctl_read_uids(). */
int tctl_read_uid(struct tctl *traffic, uint32_t uid, struct tctl_counters *ret_counters);

/* Totals by interface name, ascending; interfaces of equal name merged. Ownership and errors as tctl_read_uids(). */
int tctl_read_ifaces(struct tctl *traffic, struct tctl_iface_row **ret_rows, size_t *ret_count);

/*
 * Totals of the interfaces of one name; name NULL: of all. One without traffic has zeroes and is no error. Errors as
 * tctl_read_uids().
 */
int tctl_read_iface(struct tctl *traffic, const char *name, struct tctl_counters *ret_counters);

/*
 * Rows by interface, UID, tag and set, in this order ascending; rows that differ only in the number of an interface of
 * the same name are merged. filter may be NULL. Ownership and errors as tctl_read_uids().
 */
int tctl_read_details(struct tctl *traffic, const struct tctl_filter *filter, struct tctl_detail_row **ret_rows,
                      size_t *ret_count);

#define TCTL_STATUS_PROGRAMS 5
#define TCTL_STATUS_MAPS 10
#define TCTL_STATUS_LOST 5
#define TCTL_STATUS_CHAINS 12
#define TCTL_STATUS_PLACES 4

enum tctl_health {
    TCTL_OK,
    TCTL_DEGRADED, /* an asked-for part, or trafficd, is missing */
    TCTL_DOWN,     /* a counting program is not attached */
};

struct tctl_status {
    enum tctl_health health;
    int daemon_pid;     /* 0: trafficd is not running */
    uint64_t since_sec; /* CLOCK_REALTIME when counting began */
    uint64_t seen_sec;  /* when the state of programs was last looked at; now, for root */
    char boot_id[40];
    struct {
        const char *name;
        bool attached;
        bool wanted; /* false: this kernel cannot have it; trafficctl check says what is lost */
    } programs[TCTL_STATUS_PROGRAMS];
    struct {
        const char *name;
        bool readable; /* false: not open to this user; entries and max_entries are 0 */
        uint32_t entries;
        uint32_t max_entries;
    } maps[TCTL_STATUS_MAPS];
    struct {
        const char *name; /* pin */
        uint64_t packets; /* that could not be recorded there */
    } lost[TCTL_STATUS_LOST];
    uint64_t dropped_rx, dropped_tx; /* packets, by the firewall; connects that it refused are in tx */
    uint64_t untold;                 /* events of those that nobody read in time, see trafficctl/events.h */
    struct {
        const char *name;
        bool enabled;
    } chains[TCTL_STATUS_CHAINS];
    const char *netfilter; /* the way interfaces are counted: "link", "nft", "legacy"; "off": nowhere */
    struct {
        const char *name; /* "prerouting ipv4" ... */
        bool counted;     /* as trafficd last saw it */
    } places[TCTL_STATUS_PLACES];
    uint64_t malformed; /* netlink messages about interfaces that trafficd ignored, since they are none */
};

/*
 * Is it counting, is anything lost. Strings are static, there is nothing to free. Root is told what the kernel says
 * now; members of read_group what trafficd last saw (seen_sec). -ENOMEM, -errno of bpf(2) and of reading /proc/locks.
 * Works on a handle whose programs were all detached. Where trafficd counts by nf_tables it is never TCTL_OK, since
 * that cannot all that is promised, and the programs are the chains that do the same.
 */
int tctl_status(struct tctl *traffic, struct tctl_status *ret_status);

#define TCTL_BACKEND_LACKS 32
#define TCTL_BACKEND_WHY_LEN 256

/* What counts and judges: programs of BPF, or nf_tables alone, which cannot all that is promised. */
struct tctl_backend {
    const char *name;               /* "bpf" or "nft" */
    char why[TCTL_BACKEND_WHY_LEN]; /* why it is nft, a line without its end, the NUL included; empty with bpf */
    size_t lack_count;              /* 0 with bpf */
    struct {
        const char *name; /* "tags" */
        const char *lost; /* what is lost by it, in words */
    } lacks[TCTL_BACKEND_LACKS];
};

/* Which is it, and what cannot it do here. Strings are static, there is nothing to free. Errors as tctl_status(). */
int tctl_backend(struct tctl *traffic, struct tctl_backend *ret_backend);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
