/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose socket is it: the sock that the descriptor stands for, its UID as the initial user namespace sees it, and the
 * plain user who owns the user namespace it was made in.
 */
#pragma once

#include "kernel.bpf.h"
#include "maps.bpf.h"

/* A socket's value in a map of socket storage; NULL: it has none, or this kernel has no such maps. */
#define STORAGE(map, sk, initial, flags)                                                                               \
    (kernel.stored_answers ? bpf_sk_storage_get(&(map), (sk), (initial), (flags)) : NULL)

#define MAX_NAMESPACE_DEPTH 33 /* kernel/user_namespace.c: level > 32 is refused */

/* Owner of the outermost user namespace below the initial one that the file was opened in. 0: it was opened in none. */
static __always_inline bool outermost_owner(const void *file, __u32 *owner)
{
    const void *cred = NULL, *ns = NULL, *parent = NULL;
    int level = 0;

    *owner = 0;
    if (!PEEK(&cred, file, file_cred) || !PEEK(&ns, cred, cred_user_ns) || !PEEK(&level, ns, user_ns_level))
        return false;
    if (level == 0)
        return true;
    for (int i = 0; i < MAX_NAMESPACE_DEPTH && level > 1; i++, level--) {
        if (!PEEK(&parent, ns, user_ns_parent))
            return false;
        ns = parent;
    }
    return PEEK(owner, ns, user_ns_owner);
}

/*
 * From the socket's file, while it has one. Read without a reference: if the socket and the file are still the same
 * afterwards, what was read between was theirs.
 */
static __always_inline bool owner_by_file(const void *sk, __u32 *owner)
{
    const void *socket = NULL, *file = NULL, *socket_again = NULL, *file_again = NULL;

    if (!PEEK(&socket, sk, sk_socket) || !socket || !PEEK(&file, socket, socket_file) || !file)
        return false;
    if (!outermost_owner(file, owner))
        return false;
    return PEEK(&socket_again, sk, sk_socket) && socket_again == socket && PEEK(&file_again, socket, socket_file) &&
           file_again == file;
}

static __always_inline __u64 pack_owner(__u32 sk_uid, __u32 owner)
{
    return sk_uid | (__u64)owner << 32;
}

/*
 * The user who answers for a socket of sk_uid. kept: the socket's word of owner_storage, for when there is no file:
 * before accept() (inherited from the listener) and after the last close. UIDs of root's namespaces (LXD, nspawn) stay.
 */
static __always_inline __u32 answering_user(const void *sk, __u32 sk_uid, const __u64 *kept)
{
    __u32 owner = 0;

    if (owner_by_file(sk, &owner))
        return owner ? owner : sk_uid;
    if (kept && (__u32)*kept == sk_uid)
        return *kept >> 32;
    return sk_uid;
}
