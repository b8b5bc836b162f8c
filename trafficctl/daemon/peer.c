/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "peer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pins.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

/* Groups that are asked for at first; who is in more is asked again. */
#define GROUPS 64
/* Records of the iterator that are read at once. */
#define RECORDS 64

struct peer_rights peer_rights_of(const struct settings *settings)
{
    struct peer_rights rights = {.uids = settings->accounting_uids};

    rights.has_group = parse_gid(settings->accounting_group, &rights.group) == 0;
    return rights;
}

int peer_folding_open(const struct settings *settings, struct peer_folding *folding)
{
    _cleanup_fd_ int storage = -1;
    _cleanup_free_ char *peers = NULL;

    *folding = (struct peer_folding){.storage = -1};
    if (!settings->fold_user_namespaces)
        return 0;
    int r = pins_path(settings->bpffs, PIN_PEERS, &peers);
    if (r < 0)
        return r;
    if (access(peers, F_OK) < 0)
        return errno == ENOENT ? 0 : -errno;
    r = pins_open_map(settings->bpffs, PIN_PEER_STORAGE, true, &storage);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    *folding = (struct peer_folding){
        .on = true, .sub_uids = settings->sub_uids, .storage = fd_take(&storage), .peers = TAKE_PTR(peers)};
    return 0;
}

/* The record of one number. -ENOENT: there is none. */
static int find_record(int iterator, uint64_t number, struct tctl_peer *ret_record)
{
    struct tctl_peer records[RECORDS];
    size_t kept = 0;

    for (;;) {
        ssize_t got = read(iterator, (char *)records + kept, sizeof(records) - kept);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -ENOENT;
        kept += got;
        for (size_t i = 0; i < kept / sizeof(*records); i++) {
            if (records[i].asked != number)
                continue;
            *ret_record = records[i];
            return 0;
        }
        memmove(records, (char *)records + kept / sizeof(*records) * sizeof(*records), kept % sizeof(*records));
        kept %= sizeof(*records);
    }
}

static int ask_kernel(const struct peer_folding *folding, uint64_t number, struct tctl_peer *ret_record)
{
    _cleanup_fd_ int iterator = open(folding->peers, O_RDONLY | O_CLOEXEC);

    return iterator < 0 ? -errno : find_record(iterator, number, ret_record);
}

static int fold(int connection, const struct peer_folding *folding, struct peer *peer)
{
    static _Atomic uint64_t last;
    const uint64_t number = atomic_fetch_add(&last, 1) + 1;
    struct tctl_peer record = {0};
    int r = bpf_map_update_elem(folding->storage, &connection, &number, BPF_ANY);

    if (r < 0)
        return r;
    r = ask_kernel(folding, number, &record);
    bpf_map_delete_elem(folding->storage, &connection); /* what the others have to read stays short */
    if (r == 0 && record.user)
        peer->user = record.user;
    return r;
}

int peer_ask(int connection, const struct peer_folding *folding, struct peer *ret_peer)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);

    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return -errno;
    *ret_peer = (struct peer){cred.uid, cred.gid, cred.uid};
    if (!folding->on || cred.uid < folding->sub_uids.first || cred.uid > folding->sub_uids.last)
        return 0;
    return fold(connection, folding, ret_peer);
}

bool peer_is(const struct peer *peer, uid_t uid)
{
    return uid == peer->uid || uid == peer->user;
}

static bool holds(const gid_t *groups, size_t count, gid_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (groups[i] == wanted)
            return true;
    return false;
}

static bool is_in_group(int connection, gid_t wanted)
{
    gid_t few[GROUPS];
    socklen_t size = sizeof(few);

    if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, few, &size) == 0)
        return holds(few, size / sizeof(*few), wanted);
    if (errno != ERANGE)
        return false;
    _cleanup_free_ gid_t *all = malloc(size);
    return all && getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, all, &size) == 0 &&
           holds(all, size / sizeof(*all), wanted);
}

bool peer_may_account(int connection, const struct peer *peer, const struct peer_rights *rights)
{
    if (peer->uid == 0)
        return true;
    for (size_t i = 0; i < rights->uids.count; i++)
        if (rights->uids.uid[i] == peer->user)
            return true;
    return rights->has_group && (peer->gid == rights->group || is_in_group(connection, rights->group));
}
