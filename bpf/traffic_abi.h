/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * The contract between the programs in the kernel and everybody at the pins: map names, keys, values and sizes.
 * The one header both sides include. Fixed widths only; a size assert per struct, so that a change of layout
 * does not build. A raw reader of the pinned maps needs nothing else.
 */
#ifndef TRAFFIC_ABI_H
#define TRAFFIC_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define TCTL_ASSERT static_assert
#else
#define TCTL_ASSERT _Static_assert
#endif

/*
 * Raised whenever a layout below changes; kept in struct tctl_state and compared before anything is adopted. What is
 * there with --counters percpu alone has a number of its own.
 */
#define TCTL_ABI_VERSION 3
#define TCTL_ABI_VERSION_PERCPU 4

/* Directory of everything netd has no name for, below the bpffs. Writers of policy hold an flock on it. */
#define TCTL_DIR "trafficctl"

/* Key of the switch in the three chain maps (netd: UID_MAP_ENABLED); refused as a UID everywhere. */
#define TCTL_CHAIN_SWITCH 0xFFFFFFFFu

/* Default sizes (netd's; its 2000 for UIDs doubled as in Android 15). */
#define TCTL_COOKIE_TAG_ENTRIES 10000
#define TCTL_UID_ENTRIES 4000
#define TCTL_STATS_ENTRIES 10000
#define TCTL_IFACE_ENTRIES 1000

/*
 * Interfaces that were removed have numbers that the kernel gives to none (its own are below 2^31): in keys of the
 * stats maps and of traffic_iface_index_name_map, where their last names stay. A later removal has a greater number.
 */
#define TCTL_REMOVED_FIRST 0x80000000u
#define TCTL_REMOVED_ALL 0xFFFFFFFFu /* those removed longest ago, together, named "removed" */

/* Distinct tags that one UID may be charged under (netd's PER_UID_STATS_ENTRIES_LIMIT). */
#define TCTL_TAGS_PER_UID 500

#define TCTL_IFNAME_LEN 16

/* Value of traffic_cookie_tag_map: who pays for a socket, and under which tag. Read and written as one u64. */
struct tctl_tag {
    __u32 uid;
    __u32 tag;
};
TCTL_ASSERT(sizeof(struct tctl_tag) == 8, "ABI");

/* Key of traffic_uid_stats_map (tag 0) and traffic_tag_stats_map (others). iface_index 0: another network namespace. */
struct tctl_stats_key {
    __u32 uid;
    __u32 tag;
    __u32 counter_set;
    __u32 iface_index;
};
TCTL_ASSERT(sizeof(struct tctl_stats_key) == 16, "ABI");

/* Counters since the map was made: packets and L3 bytes as on the wire. */
struct tctl_stats_value {
    __u64 rx_packets;
    __u64 rx_bytes;
    __u64 tx_packets;
    __u64 tx_bytes;
};
TCTL_ASSERT(sizeof(struct tctl_stats_value) == 32, "ABI");

/*
 * Value of trafficctl/iface_parts, key u32 interface: of the interface's counters, what somebody may want to tell
 * apart. Raised atomically, whatever --counters says.
 */
struct tctl_iface_parts {
    struct tctl_stats_value merged;    /* by how much the wire's packets and bytes are more than the kernel's skbs */
    struct tctl_stats_value forwarded; /* rx: came in here and left by some interface; tx: left here, came in by one */
    struct tctl_stats_value ownerless; /* tx: sent by the kernel itself, no socket's; rx: not known, 0 */
};
TCTL_ASSERT(sizeof(struct tctl_iface_parts) == 96, "ABI");

/* Index of trafficctl/xt_calls and link_calls: the programs that xt_bpf_*_prog and link_*_prog run. */
enum tctl_call {
    TCTL_CALL_INGRESS,
    TCTL_CALL_EGRESS,
    TCTL_CALLS,
};

/* Where the interface programs run. */
enum tctl_netfilter {
    TCTL_NETFILTER_OFF,
    TCTL_NETFILTER_LINK,   /* BPF netfilter links */
    TCTL_NETFILTER_NFT,    /* xt match bpf in a table of nf_tables */
    TCTL_NETFILTER_LEGACY, /* the same in the tables of iptables-legacy */
    TCTL_NETFILTER_WAYS,
};

/* The places, each a bit of tctl_interfaces.hooked. */
enum tctl_iface_hook {
    TCTL_PREROUTING4,
    TCTL_PREROUTING6,
    TCTL_POSTROUTING4,
    TCTL_POSTROUTING6,
    TCTL_IFACE_HOOKS,
};
#define TCTL_ALL_IFACE_HOOKS ((1u << TCTL_IFACE_HOOKS) - 1)

/*
 * trafficctl/interfaces, an mmap-able array of one entry, readable by read_group; each word is written by trafficd's or
 * the loader's plain store through mmap.
 */
struct tctl_interfaces {
    __u32 netfilter; /* enum tctl_netfilter: the way that was taken */
    __u32 hooked;    /* 1 << enum tctl_iface_hook, as trafficd last saw it */
    __u64 malformed; /* netlink messages that were ignored, since they are none */
    __u64 overflows; /* how often netlink lost messages, and all interfaces were asked for again */
    __u64 folded;    /* interfaces that are in "removed" */
    __u64 moves;     /* odd: counters are on their way to larger maps; raised at both ends of it */
};
TCTL_ASSERT(sizeof(struct tctl_interfaces) == 40, "ABI");

/* Value of trafficctl/iface_base, key u32 interface: the kernel's own counters when we first saw it. */
struct tctl_iface_base {
    struct tctl_stats_value link; /* rtnl_link_stats64 */
    struct tctl_stats_value rows; /* traffic_iface_stats_map, less merged: skbs */
};
TCTL_ASSERT(sizeof(struct tctl_iface_base) == 64, "ABI");

/* The maps that hold traffic; index of tctl_spill_key.map. */
enum tctl_stats_map {
    TCTL_APP_UID_STATS,
    TCTL_UID_STATS,
    TCTL_TAG_STATS,
    TCTL_IFACE_STATS,
    TCTL_STATS_MAPS,
    TCTL_DROPS = TCTL_STATS_MAPS, /* rows of trafficctl/drops are limited and lost as theirs are */
    TCTL_COUNTED_MAPS,            /* length of tctl_state.lost and tctl_row_count.rows */
};

/*
 * Key of trafficctl/spill (only with --counters percpu): what a program counted that had interrupted another
 * one on its CPU. Readers add it to the row that key names: app_uid_stats uses key.uid only, iface_stats
 * key.iface_index only.
 */
struct tctl_spill_key {
    __u32 map; /* enum tctl_stats_map */
    struct tctl_stats_key key;
};
TCTL_ASSERT(sizeof(struct tctl_spill_key) == 20, "ABI");

/*
 * trafficctl/hot (only with --counters percpu), an mmap-able array readable by read_group: what each possible CPU
 * counts often, for any row of the three maps of UIDs. TCTL_HOT_CHUNKS entries for each CPU, one after the other.
 * Readers add a row that counts to the UID's total, to its row (the key with tag 0), and with a tag to the tag's row.
 * Written by the programs; the key's tag and interface and "used" also by who deletes tag data and by trafficd when an
 * interface is removed.
 */
#define TCTL_HOT_BITS 10
#define TCTL_HOT_ROWS (1u << TCTL_HOT_BITS) /* of one CPU */
#define TCTL_HOT_CHUNK 64                   /* rows in an entry: 4 KiB, which every kernel can copy */
#define TCTL_HOT_CHUNKS (TCTL_HOT_ROWS / TCTL_HOT_CHUNK)
enum tctl_hot_use {
    TCTL_HOT_FREE,
    TCTL_HOT_ONCE,  /* counts */
    TCTL_HOT_ENDED, /* was deleted */
    TCTL_HOT_AGAIN, /* counts, and has counted since its place was last wanted by another key */
};
#define TCTL_HOT_USE 3    /* of "used": enum tctl_hot_use */
#define TCTL_HOT_COUNTS 1 /* of "used": the row counts */
#define TCTL_HOT_TURN 4   /* in "used": how often the place was given to a key, in steps of this */
struct tctl_hot_row {
    struct tctl_stats_key key;
    struct tctl_stats_value value;
    __u64 used;
    __u64 pad;
};
TCTL_ASSERT(sizeof(struct tctl_hot_row) == 64, "ABI");
struct tctl_hot {
    struct tctl_hot_row row[TCTL_HOT_CHUNK];
};
TCTL_ASSERT(sizeof(struct tctl_hot) == 4096, "ABI");

/*
 * trafficctl/hot_moves, an array of one entry, readable by read_group: how often a place in trafficctl/hot was given to
 * a key. What the one before had counted goes into the maps meanwhile, and until begun equals ended a row is not whole.
 */
struct tctl_hot_moves {
    __u32 lock; /* struct bpf_spin_lock in the programs' view */
    __u32 pad;
    __u64 begun, ended;
    __u64 cooled; /* jiffies when a place was last taken from a key */
};
TCTL_ASSERT(sizeof(struct tctl_hot_moves) == 32, "ABI");

/* Value of trafficctl/row_count: rows a UID has made in each of these maps. */
struct tctl_row_count {
    __u32 rows[TCTL_COUNTED_MAPS];
};
TCTL_ASSERT(sizeof(struct tctl_row_count) == 20, "ABI");

/*
 * Value of trafficctl/tag_count. Key {uid, tag}: the UID is charged under this tag, the value is zeroes. Key {uid, 0}:
 * tags is how many of those there are, rows how often a socket was given a row of the cookie map for this UID, less the
 * rows that user space took away; what the programs took away is in trafficctl/tags_ended.
 */
struct tctl_tag_count {
    __u32 tags;
    __u32 pad;
    __u64 rows;
};
TCTL_ASSERT(sizeof(struct tctl_tag_count) == 16, "ABI");

/* Ranges of UIDs that the firewall may judge; both ends belong to the range. */
#define TCTL_MAX_UID_RANGES 8
struct tctl_uid_range {
    __u32 first;
    __u32 last;
};
TCTL_ASSERT(sizeof(struct tctl_uid_range) == 8, "ABI");

/*
 * Why a packet is dropped: a chain, by netd's number (ConnectivityManager's FIREWALL_CHAIN_*), or one of the rules
 * after them. Everywhere that several are meant, it is a word of the bits 1 << reason.
 */
enum tctl_reason {
    TCTL_DOZABLE = 1,
    TCTL_STANDBY,
    TCTL_POWERSAVE, /* these three: maps of netd's, the switch among the UIDs */
    TCTL_RESTRICTED,
    TCTL_LOW_POWER_STANDBY,
    TCTL_BACKGROUND,
    TCTL_OEM_DENY_1,
    TCTL_OEM_DENY_2,
    TCTL_OEM_DENY_3,
    TCTL_METERED_ALLOW,
    TCTL_METERED_DENY_USER,
    TCTL_METERED_DENY_ADMIN,
    TCTL_CHAINS,                   /* one more than the last chain */
    TCTL_IFACE_RULE = TCTL_CHAINS, /* incoming from another interface than the UID's */
    TCTL_LOCKDOWN,                 /* incoming, and the UID has no interface of its own */
    TCTL_CLOSED,                   /* the saved policy could not be read, and so nobody passes */
    TCTL_REASONS,
};
#define TCTL_BIT(reason) (1u << (reason))

/* Allow lists drop who is not listed, the other chains who is. */
#define TCTL_ALLOW_LISTS                                                                                               \
    (TCTL_BIT(TCTL_DOZABLE) | TCTL_BIT(TCTL_POWERSAVE) | TCTL_BIT(TCTL_RESTRICTED) |                                   \
     TCTL_BIT(TCTL_LOW_POWER_STANDBY) | TCTL_BIT(TCTL_BACKGROUND) | TCTL_BIT(TCTL_METERED_ALLOW))
/* Chains that judge on metered interfaces alone. */
#define TCTL_METERED_CHAINS                                                                                            \
    (TCTL_BIT(TCTL_METERED_ALLOW) | TCTL_BIT(TCTL_METERED_DENY_USER) | TCTL_BIT(TCTL_METERED_DENY_ADMIN))
/* Chains with a map of netd's own. */
#define TCTL_NETD_CHAINS (TCTL_BIT(TCTL_DOZABLE) | TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_POWERSAVE))

/*
 * Value of trafficctl/uid_rules and trafficctl/uid_iface, read and written as one u64: elements of hash maps are reused
 * at once, and the UID says whether this is still the one that was looked up.
 */
struct tctl_uid_rules {
    __u32 uid;   /* the key again */
    __u32 rules; /* TCTL_BIT() of chains that list it (netd's three aside), of TCTL_IFACE_RULE and TCTL_LOCKDOWN */
};
TCTL_ASSERT(sizeof(struct tctl_uid_rules) == 8, "ABI");
struct tctl_uid_iface {
    __u32 uid;   /* the key again */
    __u32 iface; /* number; TCTL_ANY_IFACE; TCTL_NO_IFACE */
};
TCTL_ASSERT(sizeof(struct tctl_uid_iface) == 8, "ABI");
#define TCTL_ANY_IFACE 0u
#define TCTL_NO_IFACE 0xFFFFFFFFu /* the interface is not there: nothing but loopback comes in */

/* Key of trafficctl/drops: whose rule it was, and which. */
struct tctl_drop_key {
    __u32 uid;
    __u32 reason; /* enum tctl_reason */
};
TCTL_ASSERT(sizeof(struct tctl_drop_key) == 8, "ABI");

/* What was dropped, packets and bytes as they are counted elsewhere. A refused connect is one packet without bytes. */
struct tctl_drop {
    __u32 lock;    /* struct bpf_spin_lock in the programs' view; of told_ns alone */
    __u32 payer;   /* whose share the row was taken from */
    __u64 told_ns; /* CLOCK_MONOTONIC of the last event */
    struct tctl_stats_value dropped;
};
TCTL_ASSERT(sizeof(struct tctl_drop) == 48, "ABI");

/* Record of trafficctl/events, a ring buffer: at most one a second for each row of drops. Lost when nobody reads. */
struct tctl_event {
    __u64 time_ns; /* CLOCK_MONOTONIC */
    __u32 uid;     /* whose rule it was */
    __u32 iface;   /* number; 0: of another network namespace, or not known yet (a refused connect) */
    __u16 reason;  /* enum tctl_reason */
    __u8 out;
    __u8 is_connect; /* refused before there was a packet */
    __u32 pad;
};
TCTL_ASSERT(sizeof(struct tctl_event) == 24, "ABI");

#define TCTL_EVENT_BYTES 65536 /* of the ring buffer: 2048 events; a multiple of every page size */
#define TCTL_EVENT_PAUSE_NS 1000000000

/* trafficctl/config, entry 0: what user space decides for the programs. The generation is raised after it. */
struct tctl_config {
    __u32 range_count;    /* of app_uids; 0: nobody is judged */
    __u32 per_user_range; /* not 0: the ranges are tested against uid % per_user_range */
    __u32 fold_user_namespaces;
    __u32 netns_inum;      /* the namespace whose interface numbers mean something; inode of its nsfs file */
    __u32 chains;          /* TCTL_BIT() of those that are on; netd's three have their switch elsewhere */
    __u32 closed;          /* not 0: TCTL_CLOSED holds for everybody who may be judged */
    __u32 exempt_esp;      /* not 0: IPsec's packets pass */
    __u32 exempt_loopback; /* not 0: what stays on this machine passes */
    __u32 row_limit[TCTL_COUNTED_MAPS]; /* rows one UID may make in each of these maps */
    __u32 pad;
    struct tctl_uid_range app_uids[TCTL_MAX_UID_RANGES];
    struct tctl_uid_range sub_uids; /* UIDs that only user namespaces of plain users give to sockets */
    struct tctl_tag deleting;       /* whose data somebody deletes now; tag 0: all; uid TCTL_NOBODY: nobody's */
    __u64 deleting_until;           /* CLOCK_MONOTONIC, ns: who deletes may die; nothing is held back for longer */
};
TCTL_ASSERT(sizeof(struct tctl_config) == 16 + 16 + 24 + 64 + 8 + 16, "ABI");

/* tctl_state.attached: the programs that hang on the control group */
enum tctl_program {
    TCTL_PROG_INGRESS,
    TCTL_PROG_EGRESS,
    TCTL_PROG_RELEASE,
    TCTL_PROG_CONNECT4,
    TCTL_PROG_CONNECT6,
    TCTL_PROGRAMS,
};

#define TCTL_BOOT_ID_LEN 40
#define TCTL_OPTIONS_LEN 2560

/*
 * trafficctl/state, an mmap-able array of one entry, readable by read_group. The programs raise lost[], dropped[] and
 * untold atomically; every other word is trafficd's and the loader's, each written by a plain store through mmap.
 */
struct tctl_state {
    __u32 abi_version;
    __u32 percpu;                  /* 1: --counters percpu */
    __u64 since_sec;               /* CLOCK_REALTIME when counting began */
    __u64 seen_sec;                /* CLOCK_REALTIME when trafficd last looked at the attachments; 0 never */
    __u32 attached;                /* 1 << enum tctl_program, as last seen */
    __u32 wanted;                  /* 1 << enum tctl_program: what this kernel can have attached */
    __u32 chains;                  /* TCTL_BIT() of the chains that are on, as last seen */
    __u32 netns_inum;              /* network namespace of trafficd */
    __u64 lost[TCTL_COUNTED_MAPS]; /* packets that could not be recorded */
    __u64 dropped[2];              /* packets: incoming, outgoing */
    __u64 untold;                  /* events that found no room: nobody reads them */
    char boot_id[TCTL_BOOT_ID_LEN];
    char options[TCTL_OPTIONS_LEN]; /* effective options of the last start or SIGHUP, "key = value" lines */
};
TCTL_ASSERT(sizeof(struct tctl_state) == 8 + 16 + 16 + 40 + 24 + TCTL_BOOT_ID_LEN + TCTL_OPTIONS_LEN, "ABI");

/*
 * trafficctl/socket_storage: the resolved answer of a socket. Every word carries a 16-bit stamp above 48 bits of
 * payload; writers hold the lock and raise the stamp, readers take only equal stamps. No answer is ever torn.
 */
enum tctl_answer_word {
    TCTL_W_CHARGE, /* uid to charge, set << 32, flags << 40 */
    TCTL_W_TAG,    /* tag */
    TCTL_W_PAYER,  /* the UID whose share of rows new rows are taken from */
    TCTL_W_SEEN,   /* owner as a program sees him at a packet: sk_uid, or bpf_get_socket_uid() */
    TCTL_W_OWNER,  /* owner as the initial user namespace sees it; bit 32: he was asked of the socket's file */
    TCTL_W_GENERATION,
    TCTL_W_MADE, /* jiffies, low 48 bits */
    /* only read where the owner or the user who answers for it is restricted */
    TCTL_W_IFACE, /* of TCTL_IFACE_RULE; TCTL_BIT() of what says drop for the owner << 32 */
    TCTL_W_USER,  /* who answers for the owner; TCTL_BIT() of what says drop for that user << 32 */
    TCTL_ANSWER_WORDS,
};
struct tctl_socket {
    __u32 lock; /* struct bpf_spin_lock in the programs' view */
    __u32 pad;
    __u64 word[TCTL_ANSWER_WORDS];
    __u64 released_uid; /* tag of a socket after its last close; bit 63: valid. No resolver writes these three */
    __u64 released_tag;
    __u64 released_generation; /* when that was; a later deletion of the tag's data ends it */
};
TCTL_ASSERT(sizeof(struct tctl_socket) == 8 + 9 * 8 + 24, "ABI");

/*
 * trafficctl/inherited_storage: what a socket leaves to the children that are accepted from it, which cannot be asked
 * until accept() returns. Only where there is something to leave.
 */
struct tctl_inherited {
    __u64 owner;  /* sk_uid | user who answers for it << 32; 0: nobody else does */
    __u64 cookie; /* of an MPTCP listener: its children have the same, and its tag is theirs */
};
TCTL_ASSERT(sizeof(struct tctl_inherited) == 16, "ABI");

/*
 * What reading trafficctl/peers gives for each socket in trafficctl/peer_storage (value: a number that the asker made
 * up): the plain user who owns the user namespace that the process on the other end was in when it connected.
 */
struct tctl_peer {
    __u64 asked; /* the number */
    __u32 user;  /* 0: it was in the initial user namespace, or in one of root's */
    __u32 pad;
};
TCTL_ASSERT(sizeof(struct tctl_peer) == 16, "ABI");

/*
 * Value of trafficctl/live: is the socket of this cookie live? Asked by whoever writes it, answered by the programs
 * while trafficctl/stored_sockets and open_sockets are read.
 */
struct tctl_live {
    __u64 asked; /* a number of whoever asked last */
    __u64 seen;  /* how often it was found since */
};
TCTL_ASSERT(sizeof(struct tctl_live) == 16, "ABI");

/* Payer of rows for sockets of which nobody can tell whose they are: they all share one share. */
#define TCTL_NOBODY 0xFFFFFFFFu

/* An offset in a kernel struct that this kernel's BTF does not know. */
#define TCTL_NO_OFFSET 0xFFFF

/* A member of a kernel struct: byte offset, and for a bit-field its place in the word there (bits 0: it is none). */
struct tctl_member {
    __u16 offset;
    __u8 shift;
    __u8 bits;
};
TCTL_ASSERT(sizeof(struct tctl_member) == 4, "ABI");

/* A helper that no kernel has: the loader puts the function with the number kernel.cast in its place. */
#define TCTL_CAST_CALL 0x7ca57000

/*
 * Read-only data of the programs ("kernel"): what the loader found out about the running kernel before load. Without
 * kernel BTF every offset is TCTL_NO_OFFSET and the branches that would use it are pruned by the verifier.
 */
struct tctl_kernel {
    __u32 percpu;         /* the stats maps are per-CPU hashes */
    __u32 stored_answers; /* there is socket storage; 0: resolve for every packet (also set to compare with that) */
    __u32 mptcp;          /* bpf_skc_to_mptcp_sock() is there */
    __u32 answer_ticks;   /* jiffies in 100 ms */
    __u32 overflow_uid;   /* /proc/sys/kernel/overflowuid: what an unmapped UID looks like */
    __u32 hot_ticks;      /* jiffies between two places in trafficctl/hot that are taken from their keys */
    __u32 cast;           /* bpf_cast_to_kern_ctx()'s number in the kernel's types; 0: not to be called */
    __u32 sec_path;       /* 1 << SKB_EXT_SEC_PATH: the packet was decrypted by IPsec; 0: this kernel does not */
    struct tctl_member skb_sk, skb_cb, skb_dst;  /* sk_buff: sk, cb, _skb_refdst */
    struct tctl_member addr_sk;                  /* bpf_sock_addr_kern: sk */
    struct tctl_member sk_uid, sk_socket;        /* sock: sk_uid, sk_socket */
    struct tctl_member sk_net, sk_cookie;        /* sock: __sk_common.skc_net.net, __sk_common.skc_cookie */
    struct tctl_member sk_state;                 /* sock: __sk_common.skc_state */
    struct tctl_member net_inum, net_user_ns;    /* net: ns.inum, user_ns */
    struct tctl_member socket_file, file_cred;   /* socket: file; file: f_cred */
    struct tctl_member cred_user_ns, cred_fsuid; /* cred: user_ns, fsuid */
    struct tctl_member user_ns_level, user_ns_parent, user_ns_owner;
    struct tctl_member cb4_frag_max, cb6_frag_max;        /* inet_skb_parm, inet6_skb_parm: frag_max_size */
    struct tctl_member dst_dev, dst_metrics, dst_expires; /* dst_entry: dev, _metrics, expires */
    struct tctl_member dev_mtu, dev_inet6;                /* net_device: mtu, ip6_ptr */
    struct tctl_member inet6_mtu;                         /* inet6_dev: cnf.mtu6 */
    struct tctl_member rt_pmtu;                           /* rtable: rt_pmtu */
    struct tctl_member inet_pmtudisc, inet_pinet6;        /* inet_sock: pmtudisc, pinet6 */
    struct tctl_member np_pmtudisc, np_frag_size;         /* ipv6_pinfo: pmtudisc, frag_size */
    struct tctl_member file_inode, file_private;          /* file: f_inode, private_data */
    struct tctl_member inode_mode, socket_sk;             /* inode: i_mode; socket: sk */
    struct tctl_member sk_peer_cred;                      /* sock: sk_peer_cred */
    struct tctl_member skb_len, skb_protocol, skb_dev;    /* sk_buff: len, protocol, dev */
    struct tctl_member skb_iif, skb_head, skb_end;        /* sk_buff: skb_iif, head, end */
    struct tctl_member skb_extensions;                    /* sk_buff: active_extensions */
    struct tctl_member skb_data_len, skb_next;            /* sk_buff: data_len, next */
    struct tctl_member shared_gso_size, shared_frag_list; /* skb_shared_info: gso_size, frag_list */
    struct tctl_member dev_ifindex, dev_name;             /* net_device: ifindex, name */
    struct tctl_member dev_priv_flags, dst_xfrm;          /* net_device: priv_flags; dst_entry: xfrm */
    struct tctl_member skb_pkt_type, skb_cloned;          /* sk_buff: pkt_type, cloned */
    struct tctl_member shared_dataref, rt_flags;          /* skb_shared_info: dataref; rtable: rt_flags */
};

#endif
