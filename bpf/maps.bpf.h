/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map once (those of interfaces in shared_maps.bpf.h), with who writes (w) and who reads (r) it: P these
 * programs, U user space at the pins.
 * The loader sets sizes, and with --counters percpu makes the four stats maps per-CPU hashes.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "shared_maps.bpf.h"

/* An answer with its lock as the verifier wants to see it; the same bytes as struct tctl_socket. */
struct socket_value {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 word[TCTL_ANSWER_WORDS];
    __u64 released_uid;
    __u64 released_tag;
    __u64 released_generation;
};
_Static_assert(sizeof(struct socket_value) == sizeof(struct tctl_socket), "one layout");

/* A row of drops, as above; the same bytes as struct tctl_drop. */
struct drop_value {
    struct bpf_spin_lock lock;
    __u32 payer;
    __u64 told_ns;
    struct tctl_stats_value dropped;
};
_Static_assert(sizeof(struct drop_value) == sizeof(struct tctl_drop), "one layout");

/* As above; the same bytes as struct tctl_hot_moves. */
struct hot_moves_value {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 begun, ended, cooled;
};
_Static_assert(sizeof(struct hot_moves_value) == sizeof(struct tctl_hot_moves), "one layout");

/* tags of sockets: w U, P deletes at the last close; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_COOKIE_TAG_ENTRIES);
    __type(key, __u64);
    __type(value, struct tctl_tag);
} cookie_tag_map SEC(".maps");

/* w U; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_UID_ENTRIES);
    __type(key, __u32);
    __type(value, __u8);
} uid_counter_set_map SEC(".maps");

/* counters: w P, U deletes; r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_STATS_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_stats_value);
} app_uid_stats_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_STATS_ENTRIES);
    __type(key, struct tctl_stats_key);
    __type(value, struct tctl_stats_value);
} uid_stats_map SEC(".maps"), tag_stats_map SEC(".maps");

/* only with --counters percpu, as is the next; each CPU has entries of its own: w P, U what nobody counts for; r P, U
 */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct tctl_hot);
} hot_map SEC(".maps");

/* w P; r U */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct hot_moves_value);
} hot_moves_map SEC(".maps");

/* w U; r U: no program needs a name, the map is here to be made with the others */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_IFACE_ENTRIES);
    __type(key, __u32);
    __type(value, char[TCTL_IFNAME_LEN]);
} iface_index_name_map SEC(".maps");

/* w U; r U: here to be made with the others, as is the next */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_IFACE_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_iface_base);
} iface_base_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct tctl_interfaces);
} interfaces_map SEC(".maps");

/* what xt_ingress and xt_egress run: w U. They stay in rules for ever, and what they run is replaced in one step */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, TCTL_CALLS);
    __type(key, __u32);
    __type(value, __u32);
} xt_calls SEC(".maps");

/* chains: w U; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_UID_ENTRIES);
    __type(key, __u32);
    __type(value, __u8);
} dozable_uid_map SEC(".maps"), standby_uid_map SEC(".maps"), powersave_uid_map SEC(".maps");

/* the other chains, and rules of interfaces, by UID: w U; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_UID_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_uid_rules);
} uid_rules_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_UID_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_uid_iface);
} uid_iface_map SEC(".maps");

/* numbers of metered interfaces; what is there is metered, if its value is not 0: w U; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_IFACE_ENTRIES);
    __type(key, __u32);
    __type(value, __u8);
} metered_map SEC(".maps");

/* what the firewall dropped: w P, U deletes; r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_STATS_ENTRIES);
    __type(key, struct tctl_drop_key);
    __type(value, struct drop_value);
} drops_map SEC(".maps");

/* struct tctl_event: w P; r U, one reader at a time */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, TCTL_EVENT_BYTES);
} events_map SEC(".maps");

/* answers: w P; U puts an empty one in the place of a socket's after tagging it. Not cloned: an accepted child starts
 * with nothing */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct socket_value);
} socket_storage SEC(".maps");

/* what children inherit: w P; r P. Cloned: a child that nobody has accepted yet has only its listener's */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct tctl_inherited);
} inherited_storage SEC(".maps");

/* generation of policy: w U, by atomic add through mmap after it wrote other maps; r P */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} generation_map SEC(".maps");

/* w U; r P */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct tctl_config);
} config_map SEC(".maps");

/* rows made per UID: w P, U on adoption and after deleting rows; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_STATS_ENTRIES);
    __type(key, __u32);
    __type(value, struct tctl_row_count);
} row_count_map SEC(".maps");

/* tags in use, for their limits: w, r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, TCTL_COOKIE_TAG_ENTRIES);
    __type(key, struct tctl_tag);
    __type(value, struct tctl_tag_count);
} tag_count_map SEC(".maps");

/* rows of the cookie map that the last close took away, by the UID they charged: w P, U deletes; r U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TCTL_STATS_ENTRIES);
    __type(key, __u32);
    __type(value, __u64);
} tags_ended_map SEC(".maps");

/* the generation at which a tag's data (tag 0: all of the UID's) were last deleted: w U; r P */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, TCTL_UID_ENTRIES);
    __type(key, struct tctl_tag);
    __type(value, __u64);
} deletions_map SEC(".maps");

/* sockets that somebody looks for: w U, seen: w P; r P, U */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, TCTL_COOKIE_TAG_ENTRIES);
    __type(key, __u64);
    __type(value, struct tctl_live);
} live_map SEC(".maps");

/* connections whose other end is asked about: w U; r P */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, __u64);
} peer_storage SEC(".maps");
