/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose socket is it: its UID as the initial user namespace sees it, the plain user who answers for that UID, and whose
 * share the rows are taken from that it makes. Read from the kernel's structs without a reference.
 */
#pragma once

#include "kernel.bpf.h"
#include "maps.bpf.h"

/* A socket's value in a map of socket storage; NULL: it has none, or this kernel has no such maps. */
#define STORAGE(map, sk, flags) (kernel.stored_answers ? bpf_sk_storage_get(&(map), (sk), NULL, (flags)) : NULL)

#define MAX_NAMESPACE_DEPTH 33 /* kernel/user_namespace.c: level > 32 is refused */

/* Where a socket comes from. */
struct origin {
    __u32 namespace_owner; /* of the outermost user namespace below the initial one; 0: of none, or root's */
    __u32 maker;           /* who opened its file; 0: root, or the kernel */
    bool kernels;          /* made by the kernel for a network namespace */
};

#define OUTERMOST_KNOWN (1ULL << 32)

/*
 * Who owns the outermost user namespace below the initial one (0: of none, or root's), and OUTERMOST_KNOWN; 0: cannot
 * be read. A global function of numbers alone, so that the verifier goes up once and not for every way to it.
 */
__noinline __u64 walk_namespaces(__u64 from)
{
    const void *ns = (const void *)from;
    __u32 owner = 0;
    int level = 0;

    if (!PEEK(&level, ns, user_ns_level))
        return 0;
    for (int i = 0; i < MAX_NAMESPACE_DEPTH && level > 1; i++, level--)
        if (!PEEK(&ns, ns, user_ns_parent))
            return 0;
    return level == 0 || PEEK(&owner, ns, user_ns_owner) ? OUTERMOST_KNOWN | owner : 0;
}

static __always_inline bool outermost_owner(const void *ns, __u32 *owner)
{
    __u64 outermost = walk_namespaces((__u64)ns);

    *owner = (__u32)outermost;
    return outermost & OUTERMOST_KNOWN;
}

static __always_inline bool origin_of_file(const void *file, struct origin *origin)
{
    const void *cred = NULL, *ns = NULL;

    return PEEK(&cred, file, file_cred) && PEEK(&ns, cred, cred_user_ns) && PEEK(&origin->maker, cred, cred_fsuid) &&
           outermost_owner(ns, &origin->namespace_owner);
}

/* A socket that has no file: neighbour discovery, a tunnel's. It belongs to its network namespace. */
static __always_inline bool origin_of_kernels(const void *sk, struct origin *origin)
{
    const void *net = NULL, *ns = NULL;

    origin->kernels = true;
    return PEEK(&net, sk, sk_net) && PEEK(&ns, net, net_user_ns) && outermost_owner(ns, &origin->namespace_owner);
}

/*
 * False: it cannot be told, because nobody has accepted the socket yet, or it is closed. If the socket and the file are
 * still the same after the reading, what was read between was theirs.
 */
static __always_inline bool origin_of(const void *sk, struct origin *origin)
{
    const void *socket = NULL, *file = NULL, *socket_again = NULL, *file_again = NULL;

    if (!PEEK(&socket, sk, sk_socket) || !socket || !PEEK(&file, socket, socket_file))
        return false;
    if (!(file ? origin_of_file(file, origin) : origin_of_kernels(sk, origin)))
        return false;
    return PEEK(&socket_again, sk, sk_socket) && socket_again == socket && PEEK(&file_again, socket, socket_file) &&
           file_again == file;
}

/* The same for who is of no user namespace but the initial one, which is most; of others it is not told here. */
static __always_inline bool load_origin(const struct tcp_sock *sk, struct origin *origin)
{
    const void *socket = NULL, *file = NULL, *cred = NULL, *ns = NULL, *socket_again = NULL, *file_again = NULL;
    int level = 0;

    if (!LOAD(&socket, sk, sk_socket) || !socket || !LOAD(&file, socket, socket_file) || !file)
        return false;
    if (!LOAD(&cred, file, file_cred) || !LOAD(&ns, cred, cred_user_ns) || !ns || !LOAD(&level, ns, user_ns_level) ||
        level || !LOAD(&origin->maker, cred, cred_fsuid))
        return false;
    return LOAD(&socket_again, sk, sk_socket) && socket_again == socket && LOAD(&file_again, socket, socket_file) &&
           file_again == file;
}

static __always_inline __u64 pack_owner(__u32 sk_uid, __u32 user)
{
    return sk_uid | (__u64)user << 32;
}

/* Who a socket belongs to. */
struct belonging {
    __u32 uid;   /* its owner, as the initial user namespace sees it; without BTF as the network namespace does */
    __u32 user;  /* who answers for uid: itself, or a plain user whose user namespace it is of */
    __u32 payer; /* whose share of rows new rows are taken from */
    bool asked;  /* it could be asked */
    bool kernels;
};

static __always_inline bool within(const struct tctl_uid_range *range, __u32 uid)
{
    return uid >= range->first && uid <= range->last;
}

/*
 * uid was read already. tcp: the same as sk where the verifier knows it; or NULL. A user may give his socket to any UID
 * that his own user namespace maps: it stays his, and so do all rows. UIDs of root's namespaces (LXD, nspawn) stay as
 * they are.
 */
static __always_inline void ask_user(const void *sk, const struct tcp_sock *tcp, const struct tctl_config *config,
                                     struct belonging *to)
{
    struct origin origin = {};

    to->user = to->uid;
    to->payer = TCTL_NOBODY;
    to->asked = (tcp && load_origin(tcp, &origin)) || origin_of(sk, &origin);
    if (!to->asked)
        return;
    to->kernels = origin.kernels;
    if (origin.namespace_owner)
        to->user = origin.namespace_owner;
    else if (origin.maker && within(&config->sub_uids, to->uid))
        to->user = origin.maker;
    to->payer = origin.namespace_owner ?: origin.maker ?: to->uid;
}

/* inherited: what a socket keeps for when it cannot be asked. */
static __always_inline void recall_user(const struct tctl_inherited *inherited, struct belonging *to)
{
    if (inherited->owner && (__u32)inherited->owner == to->uid)
        to->user = to->payer = inherited->owner >> 32;
}
