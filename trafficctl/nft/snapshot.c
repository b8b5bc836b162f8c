/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block.h"
#include "fd.h"

#define MAGIC "tctlsnap"
#define LAYOUT 1 /* raised whenever the bytes of a block change; those of the state have TCTL_ABI_VERSION */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct head {
    char magic[8];
    uint32_t layout, abi_version;
    struct tctl_state state;
};
_Static_assert(sizeof(struct head) % 8 == 0, "the block behind it is aligned");

/* Memory of a file. */
struct mapping {
    void *bytes;
    size_t size;
};

static void mapping_done(struct mapping *mapping)
{
    if (mapping->bytes)
        munmap(mapping->bytes, mapping->size);
}
#define _cleanup_mapping_ _cleanup_(mapping_done)

/* false: errno says why. */
static bool map(int fd, size_t size, int protection, int flags, struct mapping *ret_mapping)
{
    void *bytes = mmap(NULL, size, protection, flags, fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    *ret_mapping = (struct mapping){bytes, size};
    return true;
}

void nft_snapshot_done(struct nft_snapshot *snapshot)
{
    nft_counts_done(&snapshot->counts);
}

static void put(const struct tctl_state *state, const struct nft_counts *counts, void *bytes)
{
    struct head *head = bytes;
    *head = (struct head){.layout = LAYOUT, .abi_version = TCTL_ABI_VERSION, .state = *state};
    memcpy(head->magic, MAGIC, sizeof(head->magic));
    nft_block_put(counts, head + 1);
}

static int fill(const struct tctl_state *state, const struct nft_counts *counts, int fd)
{
    _cleanup_mapping_ struct mapping mapping = {0};
    const size_t size = sizeof(struct head) + nft_block_size(counts);
    if (ftruncate(fd, (off_t)size) < 0 || !map(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED, &mapping))
        return -errno;
    put(state, counts, mapping.bytes);
    return 0;
}

int nft_snapshot_seal(const struct tctl_state *state, const struct nft_counts *counts, int *ret_fd)
{
    _cleanup_fd_ int fd = memfd_create("trafficctl readings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = fd < 0 ? -errno : fill(state, counts, fd);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        r = -errno;
    if (r < 0)
        return r;
    *ret_fd = fd_take(&fd);
    return 0;
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

int nft_snapshot_parse(const void *bytes, size_t size, struct nft_snapshot *ret_snapshot)
{
    const struct head *head = bytes;
    size_t used = 0;
    if (size < sizeof(*head) || memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0)
        return -EBADMSG;
    if (head->layout != LAYOUT || head->abi_version != TCTL_ABI_VERSION || head->state.abi_version != TCTL_ABI_VERSION)
        return -EPROTO;
    if (!is_text(head->state.boot_id, sizeof(head->state.boot_id)) ||
        !is_text(head->state.options, sizeof(head->state.options)))
        return -EBADMSG;
    int r = nft_block_parse(head + 1, size - sizeof(*head), &ret_snapshot->counts, &used);
    if (r < 0)
        return r;
    ret_snapshot->state = head->state;
    return used == size - sizeof(*head) ? 0 : -EBADMSG;
}

int nft_snapshot_open(int fd, struct nft_snapshot *ret_snapshot)
{
    _cleanup_mapping_ struct mapping mapping = {0};
    struct stat file;
    /* Whoever sent it could cut it off under our eyes otherwise, and reading would be SIGBUS. */
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS)
        return -EBADMSG;
    if (fstat(fd, &file) < 0)
        return -errno;
    if (file.st_size < (off_t)sizeof(struct head) || file.st_size > NFT_BLOCK_FILE_MAX)
        return -EBADMSG;
    /* Below 6.7 what is sealed against writing cannot be mapped shared, not even to read. */
    if (!map(fd, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, &mapping))
        return -errno;
    return nft_snapshot_parse(mapping.bytes, mapping.size, ret_snapshot);
}
