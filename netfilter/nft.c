/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft.h"

#include <errno.h>
#include <stddef.h>

struct nft_owner *nft_owner_free(struct nft_owner *owner)
{
    (void)owner;
    return NULL;
}

int nft_put(const char *bpffs, struct nft_owner **owner, struct fault *fault)
{
    (void)owner;
    return fault_set(fault, -ENOTSUP, "%s: not built yet", bpffs);
}

int nft_look(const char *bpffs, uint32_t *ret_there, struct fault *fault)
{
    *ret_there = 0;
    return fault_set(fault, -ENOTSUP, "%s: not built yet", bpffs);
}

int nft_remove(struct fault *fault)
{
    (void)fault;
    return 0;
}
