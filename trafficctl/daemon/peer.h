/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who is on the other end of a connection, as the kernel says, and what they may do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "settings.h"

/* Who may do what netd asks UPDATE_DEVICE_STATS for, besides root. */
struct peer_rights {
    struct settings_uids uids;
    gid_t group;
    bool has_group; /* false: there is no such group */
};

/* Of the settings now: the group is looked up. */
struct peer_rights peer_rights_of(const struct settings *settings);

/* How a UID of a user namespace is taken back to the user who owns that. */
struct peer_folding {
    bool on;
    struct uid_range sub_uids; /* only these can be in a plain user's namespace */
    int storage;               /* PIN_PEER_STORAGE */
    char *peers;               /* path of PIN_PEERS */
};

/* Off where the settings say so, and where this kernel has not what it takes. Lives as long as
 * the process. -ENOMEM, -errno of bpf(2). */
int peer_folding_open(const struct settings *settings, struct peer_folding *folding);

struct peer {
    uid_t uid;
    gid_t gid;
    uid_t user; /* who pays for it: uid, or the plain user who owns its user namespace */
};

/* -errno: nobody can be charged; what is known of the peer is there all the same. */
int peer_ask(int connection, const struct peer_folding *folding, struct peer *ret_peer);

/* Is uid the peer, by one of its two numbers? */
bool peer_is(const struct peer *peer, uid_t uid);

/* Supplementary groups are asked of the connection. */
bool peer_may_account(int connection, const struct peer *peer, const struct peer_rights *rights);
