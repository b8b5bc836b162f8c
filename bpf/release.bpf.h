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

static __always_inline void leave_tag(struct bpf_sock *sk, union tag_word tag)
{
    struct socket_value *home = STORAGE(socket_storage, sk, BPF_SK_STORAGE_GET_F_CREATE);

    if (!home)
        return; /* no memory: the tag ends here, since a row that nobody removes would stay for ever */
    bpf_spin_lock(&home->lock);
    home->released_tag = tag.tag.tag;
    home->released_uid = tag.tag.uid | RELEASED;
    bpf_spin_unlock(&home->lock);
}

/* The context of this hook is the kernel's struct sock. */
static __always_inline void release_socket(struct bpf_sock *sk)
{
    __u32 zero = 0;
    const struct tctl_config *config = bpf_map_lookup_elem(&config_map, &zero);
    struct subject subject = {.sk = sk};
    union tag_word tag = {};
    const volatile __u64 *row;

    if (config && kernel.sk_uid.offset != TCTL_NO_OFFSET)
        KNOW_OWNER(&subject, sk, config); /* the file that tells it is about to go */
    subject.cookie = bpf_get_socket_cookie(sk);
    row = bpf_map_lookup_elem(&cookie_tag_map, &subject.cookie);
    if (!row)
        return;
    tag.word = *row;
    leave_tag(sk, tag);
    if (!shares_cookie(&subject))
        bpf_map_delete_elem(&cookie_tag_map, &subject.cookie);
}
