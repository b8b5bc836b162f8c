/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unload_nft.h"

#include <base.h>
#include <errno.h>
#include <ifaces.h>
#include <pins.h>
#include <readings_answer.h>
#include <state.h>
#include <string.h>
#include <table.h>
#include <unistd.h>

#include "job.h"
#include "record.h"

/* What another boot has left is about no table. What another version has written does not say where its table is. */
static int check_netns(const char *place, struct fault *fault)
{
    struct tctl_state state, now = {0};
    bool here = true;
    int r = state_read_pinned(place, &state);
    record_begin(&now);
    if (r == 0 && strcmp(state.boot_id, now.boot_id) == 0)
        r = ifaces_are_of(state.netns_inum, &here);
    if (r == -ENOENT || r == -EPROTO)
        r = 0;
    if (r < 0)
        return fault_set(fault, r, "cannot read the state below %s: %s", place, strerror(-r));
    return here ? 0
                : fault_set(fault, -EXDEV,
                            "the table of trafficctl is in the network namespace net:[%u]: run this there",
                            state.netns_inum);
}

static int remove_table(struct fault *fault)
{
    _cleanup_talk_ struct nft_talk *talk = NULL;
    int r = nft_talk_open(&talk, fault);
    return r < 0 ? r : nft_table_remove(talk, fault);
}

static int remove_file(const char *place, const char *below, struct fault *fault)
{
    _cleanup_free_ char *path = job_path(place, below);
    if (!path)
        return -ENOMEM;
    if (unlink(path) < 0 && errno != ENOENT)
        return fault_set(fault, -errno, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

/* The state last: by it the place is known to be ours. */
int unload_nft(const char *place, struct fault *fault)
{
    const char *const files[] = {NFT_BASE_FILE, NFT_BASE_FILE NFT_BASE_BESIDE, READINGS_SOCKET, pins[PIN_STATE].path};
    int r = check_netns(place, fault);
    if (r == 0)
        r = remove_table(fault);
    for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
        r = remove_file(place, files[i], fault);
    return r;
}
