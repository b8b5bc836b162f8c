/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The last close of a socket. It may still send: its tag moves from the cookie's row into its storage, where resolving
 * finds it, and only then goes the row.
 */
#pragma once

#include "resolve.bpf.h"

#include <linux/in.h>

/* An accepted MPTCP socket may have its listener's cookie: its close must not take the listener's tag away. */
static __always_inline bool shares_cookie(const struct subject *subject)
{
    return subject->inherited && subject->inherited->cookie == subject->cookie && !is_listener(subject->sk);
}

static __always_inline void leave_tag(struct socket_value *home, union tag_word tag, __u64 generation)
{
    bpf_spin_lock(&home->lock);
    home->released_tag = tag.tag.tag;
    home->released_generation = generation;
    home->released_uid = tag.tag.uid | RELEASED;
    bpf_spin_unlock(&home->lock);
}

/* User space counts the rows that it makes, and takes off those that are counted here. */
static __always_inline void count_ended(__u32 uid)
{
    __u64 none = 0, *ended = bpf_map_lookup_elem(&tags_ended_map, &uid);

    if (!ended) {
        bpf_map_update_elem(&tags_ended_map, &uid, &none, BPF_NOEXIST);
        ended = bpf_map_lookup_elem(&tags_ended_map, &uid);
    }
    if (ended)
        __sync_fetch_and_add(ended, 1);
}

/* For a socket that has a row. Without storage the tag ends here: a row that nobody removes would stay for ever. */
static __always_inline void move_tag(struct bpf_sock *sk, const struct subject *subject)
{
    struct socket_value *home = STORAGE(socket_storage, sk, BPF_SK_STORAGE_GET_F_CREATE);
    const struct asking asking = start_asking(home); /* if the row is deleted from now on, the tag goes too */
    const __u64 cookie = subject->cookie | asking.after;
    const volatile __u64 *row = bpf_map_lookup_elem(&cookie_tag_map, &cookie);
    union tag_word tag = {};

    if (!row)
        return;
    tag.word = *row;
    if (home)
        leave_tag(home, tag, asking.generation);
    if (!shares_cookie(subject) && !bpf_map_delete_elem(&cookie_tag_map, &subject->cookie))
        count_ended(tag.tag.uid);
}

/* A TCP socket whose connection has ended on both sides sends nothing more. */
static __always_inline bool is_silent(struct bpf_sock *sk)
{
    return sk->protocol == IPPROTO_TCP && sk->state == BPF_TCP_CLOSE;
}

/* 0: it has none, since nobody asked for it; and so no row. */
static __always_inline __u64 cookie_of_released(struct bpf_sock *sk)
{
    __u64 cookie = 0;

    return PEEK(&cookie, sk, sk_cookie) ? cookie : bpf_get_socket_cookie(sk);
}

/* The context of this hook is the kernel's struct sock. */
static __always_inline void release_socket(struct bpf_sock *sk)
{
    __u32 zero = 0;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    struct subject subject = {.sk = sk, .cookie = cookie_of_released(sk)};

    if (config && kernel.sk_uid.offset != TCTL_NO_OFFSET && !is_silent(sk))
        KNOW_OWNER(&subject, sk, config); /* the file that tells it is about to go */
    if (subject.cookie && bpf_map_lookup_elem(&cookie_tag_map, &subject.cookie))
        move_tag(sk, &subject);
}
