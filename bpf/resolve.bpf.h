/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Socket to answer, and the answer's life: asked of the pinned maps once, kept in the socket's storage, taken from
 * there while the generation is the same, the owner is the same and it is less than 100 ms old.
 */
#pragma once

#include "owner.bpf.h"
#include "uids.bpf.h"

#include <linux/in.h>

#define SOCK_RAW 3 /* bits/socket_type.h; the UAPI headers have no name for it */

#define RELEASED (1ULL << 63)
#define YOUNG_SEGMENTS 16
/* In the owner's word: he was asked of the socket's file, and the payer is his. What a file says never changes. */
#define OWNER_OF_FILE (1ULL << 32)

enum answer_flag {
    ANSWER_RESTRICTED = 1, /* some packets, or all, are dropped */
    ANSWER_HERE = 2,       /* of trafficd's network namespace: interface numbers mean something */
    ANSWER_STREAM = 4,     /* TCP: cuts its packets itself */
    ANSWER_RAW = 8,        /* hands in packets as it likes */
    ANSWER_UNKEPT = 16,    /* what it was made from changes without the socket: true for this packet only */
    ANSWER_UNCOUNTED = 32, /* all that was counted for this UID is being deleted, and this with it */
    ANSWER_UNTOLD = 64,    /* the same of what was dropped for the owner, or for the user */
    ANSWER_CRAFTED = 128,  /* raw, and not the kernel's own */
};

/* What a packet needs to know of its socket. */
struct answer {
    __u32 uid; /* to charge */
    __u32 tag;
    __u32 payer; /* whose share of rows new rows are taken from */
    __u8 set;
    __u8 flags;
    /* only with ANSWER_RESTRICTED */
    __u16 owner_drops; /* struct restriction, of the owner */
    __u16 user_drops;  /* and of the user who answers for it */
    __u32 iface;
    __u32 owner;
    __u32 user;
};

/* A cookie's row, read as one word: hash elements are reused while they are read. */
union tag_word {
    __u64 word;
    struct tctl_tag tag;
};

/* Who is asked about: the descriptor's own socket, for MPTCP not the one that carries the packet. */
struct subject {
    const void *sk;                   /* the kernel's struct sock; NULL without BTF */
    const struct tcp_sock *tcp;       /* the same, if the verifier knows it; or NULL */
    struct socket_value *home;        /* its storage: where the release hook left its tag */
    struct tctl_inherited *inherited; /* or NULL */
    __u64 cookie;
    struct belonging to;
    bool brief; /* the answer is not kept */
    __u8 flags;
};

static __always_inline __u64 word_of(const struct socket_value *value, int i)
{
    return *(const volatile __u64 *)&value->word[i];
}

/* charge, owner: those words of the same answer. False: these are of another. */
static __always_inline bool recall_restriction(const struct socket_value *value, __u64 charge, __u64 owner,
                                               struct answer *ret)
{
    __u64 iface = word_of(value, TCTL_W_IFACE), user = word_of(value, TCTL_W_USER);

    if (((charge ^ iface) | (charge ^ user)) >> STAMP_SHIFT)
        return false;
    ret->owner = owner;
    ret->iface = iface;
    ret->owner_drops = iface >> 32;
    ret->user = user;
    ret->user_drops = user >> 32;
    return true;
}

/* Where the kernel itself is not read, many UIDs look like this one. */
static __always_inline bool is_vague(__u32 seen)
{
    return !kernel.cast && seen == kernel.overflow_uid;
}

/*
 * The stored answer, if it is whole and fresh. No lock: each word carries the stamp of the resolve that wrote it, and
 * unequal stamps are no answer.
 */
static __always_inline bool recall(struct __sk_buff *skb, const struct socket_value *value, __u32 seen,
                                   struct answer *ret)
{
    __u64 charge = word_of(value, TCTL_W_CHARGE), tag = word_of(value, TCTL_W_TAG);
    __u64 payer = word_of(value, TCTL_W_PAYER), seen_then = word_of(value, TCTL_W_SEEN);
    __u64 owner = word_of(value, TCTL_W_OWNER), generation = word_of(value, TCTL_W_GENERATION);
    __u64 made = word_of(value, TCTL_W_MADE);
    __u64 unequal = (charge ^ tag) | (charge ^ payer) | (charge ^ seen_then) | (charge ^ owner) |
                    (charge ^ generation) | (charge ^ made);

    if (unequal >> STAMP_SHIFT || (generation & PAYLOAD) != current_generation() || (__u32)seen_then != seen)
        return false;
    if (((bpf_jiffies64() - made) & PAYLOAD) >= kernel.answer_ticks)
        return false;
    ret->uid = charge;
    ret->tag = tag;
    ret->payer = payer;
    ret->set = charge >> 32;
    ret->flags = charge >> 40;
    if (ret->flags & ANSWER_RESTRICTED && !recall_restriction(value, charge, owner, ret))
        return false;
    if (is_vague(seen)) {
        const void *sk = NULL;
        __u32 uid = seen;

        if (PEEK(&sk, skb, skb_sk) && PEEK(&uid, sk, sk_uid) && uid != (__u32)owner)
            return false;
    }
    return true;
}

static __always_inline bool is_of_file(const struct answer *answer, const struct subject *subject)
{
    return subject->to.asked && !subject->to.kernels && answer->payer == subject->to.payer;
}

static __always_inline void keep(struct socket_value *value, const struct answer *answer, const struct subject *subject,
                                 __u32 seen, const struct asking *asking)
{
    __u64 charge = answer->uid | (__u64)answer->set << 32 | (__u64)answer->flags << 40;
    __u64 stamp, owner = subject->to.uid | (is_of_file(answer, subject) ? OWNER_OF_FILE : 0);

    bpf_spin_lock(&value->lock);
    stamp = ((value->word[TCTL_W_CHARGE] >> STAMP_SHIFT) + 1) << STAMP_SHIFT;
    *(volatile __u64 *)&value->word[TCTL_W_CHARGE] = charge | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_TAG] = answer->tag | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_PAYER] = answer->payer | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_SEEN] = seen | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_OWNER] = owner | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_GENERATION] = asking->generation | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_MADE] = asking->made | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_IFACE] = answer->iface | (__u64)answer->owner_drops << 32 | stamp;
    *(volatile __u64 *)&value->word[TCTL_W_USER] = answer->user | (__u64)answer->user_drops << 32 | stamp;
    bpf_spin_unlock(&value->lock);
}

/* Were this tag's data deleted when the generation was this old, or later? */
static __always_inline bool deleted_since(const struct tctl_tag *tag, __u64 generation)
{
    const volatile __u64 *deleted = bpf_map_lookup_elem(&deletions_map, tag);

    return deleted && *deleted >= generation;
}

/* The tag that the release hook left, when the socket is closed and still sends. A deletion since then ends it. */
static __always_inline bool released_tag(struct socket_value *home, union tag_word *ret)
{
    __u64 uid, tag, generation;
    struct tctl_tag all = {};

    if (!home)
        return false;
    bpf_spin_lock(&home->lock);
    uid = home->released_uid;
    tag = home->released_tag;
    generation = home->released_generation;
    bpf_spin_unlock(&home->lock);
    if (!(uid & RELEASED))
        return false;
    ret->tag.uid = all.uid = uid;
    ret->tag.tag = tag;
    return !deleted_since(&ret->tag, generation) && !deleted_since(&all, generation);
}

/* A socket's tag. Its storage must have been fetched before: a tagger writes the row, then replaces the storage. */
static __always_inline bool find_tag(const struct subject *subject, union tag_word *ret)
{
    const volatile __u64 *row = subject->cookie ? bpf_map_lookup_elem(&cookie_tag_map, &subject->cookie) : NULL;

    if (!row)
        return released_tag(subject->home, ret);
    ret->word = *row;
    return true;
}

/* True: nothing has to be written down, nor read. */
static __always_inline bool know_owner(struct subject *subject, const struct tctl_config *config)
{
    if (!subject->tcp || !LOAD(&subject->to.uid, subject->tcp, sk_uid))
        PEEK(&subject->to.uid, subject->sk, sk_uid);
    ask_user(subject->sk, subject->tcp, config, &subject->to);
    return subject->brief && subject->to.asked && subject->to.user == subject->to.uid;
}

static __always_inline bool wants_inherited(const struct subject *subject)
{
    return !subject->inherited && subject->to.asked && subject->to.user != subject->to.uid;
}

static __always_inline void use_inherited(struct subject *subject)
{
    if (!subject->inherited)
        return;
    if (subject->to.asked)
        *(volatile __u64 *)&subject->inherited->owner = pack_owner(subject->to.uid, subject->to.user);
    else
        recall_user(subject->inherited, &subject->to);
}

/* The subject's owner, and who answers for that. sock: the subject as the verifier knows it. */
#define KNOW_OWNER(subject, sock, config)                                                                              \
    do {                                                                                                               \
        if (know_owner((subject), (config)))                                                                           \
            break;                                                                                                     \
        (subject)->inherited = STORAGE(inherited_storage, sock, 0);                                                    \
        if (wants_inherited(subject))                                                                                  \
            (subject)->inherited = STORAGE(inherited_storage, sock, BPF_SK_STORAGE_GET_F_CREATE);                      \
        use_inherited(subject);                                                                                        \
    } while (0)

static __always_inline bool is_listener(const void *sk)
{
    __u8 state = 0;

    return PEEK(&state, sk, sk_state) && state == BPF_TCP_LISTEN;
}

/* An MPTCP subflow: the subject is the socket behind it. False: it is no subflow. */
static __always_inline bool find_mptcp(struct bpf_sock *sk, const struct tctl_config *config, struct subject *subject)
{
    struct mptcp_sock *msk;

    if (!kernel.mptcp)
        return false;
    msk = bpf_skc_to_mptcp_sock(sk);
    if (!msk)
        return false;
    subject->sk = msk;
    subject->tcp = NULL;
    subject->home = STORAGE(socket_storage, msk, 0);
    subject->cookie = 0;
    PEEK(&subject->cookie, msk, sk_cookie);
    subject->flags |= ANSWER_UNKEPT;
    KNOW_OWNER(subject, msk, config);
    if (subject->cookie && is_listener(msk)) {
        struct tctl_inherited *inherited = STORAGE(inherited_storage, msk, BPF_SK_STORAGE_GET_F_CREATE);

        if (inherited)
            *(volatile __u64 *)&inherited->cookie = subject->cookie;
    }
    return true;
}

/* Of a socket of TCP's that is no raw one. A kernel that has the function for MPTCP has this older one. */
static __always_inline const struct tcp_sock *as_tcp(struct bpf_sock *sk)
{
    return kernel.mptcp && kernel.sk_uid.offset != TCTL_NO_OFFSET ? bpf_skc_to_tcp_sock(sk) : NULL;
}

static __always_inline __u8 kind_of(struct bpf_sock *sk)
{
    struct bpf_sock *full = bpf_sk_fullsock(sk);

    if (!full)
        return 0;
    if (full->type == SOCK_RAW)
        return ANSWER_RAW;
    return full->protocol == IPPROTO_TCP ? ANSWER_STREAM : 0;
}

/* No subflow of MPTCP's: the socket of such a one has no file, or is that of the socket behind it. */
static __always_inline bool is_own(const struct tcp_sock *tcp)
{
    const void *socket = NULL, *sk = NULL, *file = NULL;

    return LOAD(&socket, tcp, sk_socket) && socket && LOAD(&sk, socket, socket_sk) && sk == tcp &&
           LOAD(&file, socket, socket_file) && file;
}

static __always_inline void find_subject(struct __sk_buff *skb, struct socket_value *value, __u32 seen,
                                         const struct tcp_sock *young, const struct tctl_config *config,
                                         const struct asking *asking, struct subject *subject)
{
    struct bpf_sock *sk = skb->sk;

    subject->to.uid = subject->to.user = subject->to.payer = seen;
    subject->home = value;
    subject->brief = young;
    subject->cookie = young ? 0 : bpf_get_socket_cookie(skb) | asking->after;
    if (!sk)
        return;
    subject->flags = young ? ANSWER_STREAM : kind_of(sk);
    if (subject->flags & ANSWER_STREAM)
        subject->sk = subject->tcp = young ?: as_tcp(sk);
    if (young && is_own(young) && know_owner(subject, config))
        return;
    if (subject->flags & ANSWER_STREAM && find_mptcp(sk, config, subject))
        return;
    if (subject->sk || PEEK(&subject->sk, skb, skb_sk))
        KNOW_OWNER(subject, sk, config);
    if (subject->flags & ANSWER_RAW) /* the kernel's answer pings or send resets for all network namespaces in turn */
        subject->flags |= subject->to.kernels ? ANSWER_UNKEPT : ANSWER_CRAFTED;
}

static __always_inline bool in_our_namespace(const struct subject *subject, const struct tctl_config *config)
{
    const void *net = NULL;
    __u32 inum = 0;

    if (subject->tcp && LOAD(&net, subject->tcp, sk_net) && LOAD(&inum, net, net_inum))
        return inum == config->netns_inum;
    if (!PEEK(&net, subject->sk, sk_net) || !PEEK(&inum, net, net_inum))
        return true; /* without BTF nobody can tell */
    return inum == config->netns_inum;
}

/*
 * A UID of a user namespace of a plain user's is judged as itself and as that user, and the stricter holds. Returns
 * what ask_uid() says of the owner.
 */
static __always_inline __u64 restrict_answer(const struct subject *subject, struct asking *asking,
                                             struct answer *answer)
{
    __u64 of_owner = ask_uid(subject->to.uid, asking), of_user = of_owner;
    struct restriction owner = {.drops = UID_DROPS(of_owner), .iface = UID_IFACE(of_owner)}, user;

    if (subject->to.user != subject->to.uid)
        of_user = ask_uid(subject->to.user, asking);
    user = (struct restriction){.drops = UID_DROPS(of_user), .iface = UID_IFACE(of_user)};
    answer->owner = subject->to.uid;
    answer->user = subject->to.user;
    answer->owner_drops = owner.drops;
    answer->user_drops = user.drops;
    answer->iface = common_iface(&owner, &user);
    if (owner.drops | user.drops)
        answer->flags |= ANSWER_RESTRICTED;
    return of_owner;
}

static __always_inline bool is_deleted_now(const struct tctl_config *config)
{
    return bpf_ktime_get_ns() < *(const volatile __u64 *)&config->deleting_until;
}

/*
 * Whoever deletes what was counted for a tag (0: for a UID) says so before. Elements of hash maps are reused at once:
 * a program that still held a row when it went would count for somebody else.
 */
static __always_inline void hold_back(const struct tctl_config *config, struct answer *answer)
{
    const union tag_word deleting = {.word = *(const volatile __u64 *)&config->deleting};
    bool dropped = !deleting.tag.tag && (deleting.tag.uid == answer->owner || deleting.tag.uid == answer->user);

    if (dropped && is_deleted_now(config))
        answer->flags |= ANSWER_UNTOLD;
    if (deleting.tag.uid != answer->uid || (deleting.tag.tag && deleting.tag.tag != answer->tag))
        return;
    if (!is_deleted_now(config))
        return;
    answer->tag = 0;
    if (!deleting.tag.tag)
        answer->flags |= ANSWER_UNCOUNTED;
}

static __always_inline void ask(const struct subject *subject, const struct tctl_config *config, struct asking *asking,
                                struct answer *answer)
{
    union tag_word tag = {};
    __u64 number;

    answer->flags = subject->flags;
    answer->payer = subject->to.payer;
    answer->uid = config->fold_user_namespaces ? subject->to.user : subject->to.uid;
    if (find_tag(subject, &tag)) {
        if (tag.tag.uid != subject->to.uid)
            answer->uid = answer->payer = tag.tag.uid;
        answer->tag = tag.tag.tag;
    }
    number = restrict_answer(subject, asking, answer);
    hold_back(config, answer);
    answer->set = UID_SET(answer->uid == subject->to.uid ? number : ask_uid(answer->uid, asking));
}

/*
 * No map may be read before the generation that the answer is of, nor before its storage was found: a tagger writes the
 * map and then replaces the storage. CPUs load out of order, but nothing before its address is known.
 */
static __always_inline struct asking start_asking(const struct socket_value *value)
{
    struct asking asking = {.generation = current_generation(), .made = bpf_jiffies64() & PAYLOAD};

    asking.after = zero_after(asking.generation);
    if (value)
        asking.after |= zero_after(word_of(value, TCTL_W_CHARGE));
    return asking;
}

/* The owner from a stored answer that is nothing but too old: the maps are asked again, the file is not. */
static __always_inline bool recall_owner(struct socket_value *value, __u32 seen, const struct asking *asking,
                                         struct subject *subject)
{
    __u64 charge = word_of(value, TCTL_W_CHARGE), payer = word_of(value, TCTL_W_PAYER);
    __u64 seen_then = word_of(value, TCTL_W_SEEN), owner = word_of(value, TCTL_W_OWNER);
    __u64 generation = word_of(value, TCTL_W_GENERATION), user = word_of(value, TCTL_W_USER);
    __u64 unequal =
        (charge ^ payer) | (charge ^ seen_then) | (charge ^ owner) | (charge ^ generation) | (charge ^ user);

    if (unequal >> STAMP_SHIFT || (generation & PAYLOAD) != asking->generation || !(owner & OWNER_OF_FILE))
        return false;
    if ((__u32)seen_then != seen || is_vague(seen))
        return false;
    subject->home = value;
    subject->to = (struct belonging){.uid = owner, .user = user, .payer = payer, .asked = true};
    subject->flags = charge >> 40 & (ANSWER_HERE | ANSWER_STREAM | ANSWER_RAW | ANSWER_CRAFTED);
    return true;
}

/* Ask the pinned maps, and keep the answer where there is a place for it: value may be NULL. seen: not of the young. */
static __noinline int resolve(struct __sk_buff *skb, struct socket_value *value, __u32 seen,
                              const struct tcp_sock *young, struct answer *answer)
{
    struct asking asking = start_asking(value);
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &asking.after);
    struct subject subject = {};

    __builtin_memset(answer, 0, sizeof(*answer));
    if (!config)
        return 0;
    if (value && recall_owner(value, seen, &asking, &subject)) {
        subject.cookie = bpf_get_socket_cookie(skb) | asking.after;
    } else {
        find_subject(skb, value, seen, young, config, &asking, &subject);
        if (in_our_namespace(&subject, config))
            subject.flags |= ANSWER_HERE;
    }
    ask(&subject, config, &asking, answer);
    if (value && !(answer->flags & ANSWER_UNKEPT))
        keep(value, answer, &subject, seen, &asking);
    return 0;
}

/*
 * A connection so young that it may end before a storage has paid is asked about for each packet, which costs less.
 * But only if nobody ever asked for its cookie, so that nobody can have written a tag.
 */
static __always_inline const struct tcp_sock *as_young(struct bpf_sock *sk)
{
    const struct tcp_sock *tcp;
    const struct bpf_tcp_sock *segments;
    __u64 cookie = 0;

    if (!(kind_of(sk) & ANSWER_STREAM) || sk->state == BPF_TCP_LISTEN)
        return NULL;
    tcp = as_tcp(sk);
    if (!tcp || !LOAD(&cookie, tcp, sk_cookie) || cookie)
        return NULL;
    segments = bpf_tcp_sock(sk);
    return segments && segments->segs_in + segments->segs_out < YOUNG_SEGMENTS ? tcp : NULL;
}

static const void *(*const cast_to_kernel)(const struct __sk_buff *skb) = (void *)TCTL_CAST_CALL;

/* The owner, to be compared with who it was before. What has a storage is no half socket, and has a UID. */
static __always_inline __u32 see_owner(struct __sk_buff *skb, const struct socket_value *value)
{
    const void *sk = NULL;
    __u32 uid = 0;

    if (value && kernel.cast && LOAD(&sk, cast_to_kernel(skb), skb_sk) && sk && LOAD(&uid, sk, sk_uid))
        return uid;
    return bpf_get_socket_uid(skb);
}

/* The answer for a packet's socket, from its storage or from the maps. */
static __always_inline void answer_for(struct __sk_buff *skb, struct answer *answer)
{
    struct bpf_sock *sk = skb->sk;
    struct socket_value *value = sk ? STORAGE(socket_storage, sk, 0) : NULL;
    const struct tcp_sock *young = NULL;
    __u32 seen = 0;

    if (sk && !value) {
        young = as_young(sk);
        if (!young)
            value = STORAGE(socket_storage, sk, BPF_SK_STORAGE_GET_F_CREATE);
    }
    if (!young)
        seen = see_owner(skb, value);
    if (value && recall(skb, value, seen, answer))
        return;
    resolve(skb, value, seen, young, answer);
}
