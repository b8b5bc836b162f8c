/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The base as a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "block.h"
#include "cleanup.h"
#include "fd.h"

#define MAGIC "tctlbase"
#define LAYOUT 1 /* raised whenever bytes of the file change */

/* The blocks of carried and last follow. */
struct head {
    char magic[8];
    uint64_t layout;
    char boot_id[TCTL_BOOT_ID_LEN];
    uint64_t netns_inum, handle;
};
_Static_assert(sizeof(struct head) == 16 + TCTL_BOOT_ID_LEN + 16, "no padding, and the block behind it is aligned");

static void *put(const struct nft_base *base, void *bytes)
{
    struct head *head = bytes;
    *head = (struct head){
        .layout = LAYOUT,
        .netns_inum = base->table.netns_inum,
        .handle = base->table.handle,
    };
    memcpy(head->magic, MAGIC, sizeof(head->magic));
    memcpy(head->boot_id, base->table.boot_id, sizeof(head->boot_id));
    return nft_block_put(&base->last, nft_block_put(&base->carried, head + 1));
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Whoever was killed here left a new file behind. */
static int write_beside(const char *beside, const char *bytes, size_t size)
{
    if (unlink(beside) < 0 && errno != ENOENT)
        return -errno;
    _cleanup_fd_ int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : write_all(fd, bytes, size);
}

static int replace(const char *path, const char *bytes, size_t size)
{
    _cleanup_free_ char *beside = NULL;
    if (asprintf(&beside, "%s" NFT_BASE_BESIDE, path) < 0) {
        beside = NULL;
        return -ENOMEM;
    }
    int r = write_beside(beside, bytes, size);
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(beside);
    return r;
}

char *nft_base_path(const char *place)
{
    char *path = NULL;
    return asprintf(&path, "%s/" NFT_BASE_FILE, place) < 0 ? NULL : path;
}

int nft_base_write(const struct nft_base *base, const char *path, struct fault *fault)
{
    const size_t size = sizeof(struct head) + nft_block_size(&base->carried) + nft_block_size(&base->last);
    if (size > NFT_BLOCK_FILE_MAX)
        return fault_set(fault, -EFBIG, "counters cannot be saved in %s: they are longer than %d bytes", path,
                         NFT_BLOCK_FILE_MAX);
    _cleanup_free_ char *bytes = malloc(size);
    if (!bytes)
        return -ENOMEM;
    put(base, bytes);
    int r = replace(path, bytes, size);
    return r < 0 ? fault_set(fault, r, "counters cannot be saved in %s: %s", path, strerror(-r)) : 0;
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static int take_head(const struct head *head, struct nft_base *base)
{
    if (memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0)
        return -EBADMSG;
    if (head->layout != LAYOUT)
        return -EPROTO;
    if (!is_text(head->boot_id, sizeof(head->boot_id)) || head->netns_inum > UINT32_MAX)
        return -EBADMSG;
    base->table = (struct nft_base_table){.netns_inum = (uint32_t)head->netns_inum, .handle = head->handle};
    memcpy(base->table.boot_id, head->boot_id, sizeof(head->boot_id));
    return 0;
}

int nft_base_parse(const void *bytes, size_t size, struct nft_base *ret_base)
{
    const struct head *head = bytes;
    const char *at = (const char *)bytes + sizeof(*head);
    size_t used = 0;
    if (size < sizeof(*head))
        return -EBADMSG;
    size -= sizeof(*head);
    int r = take_head(head, ret_base);
    if (r == 0)
        r = nft_block_parse(at, size, &ret_base->carried, &used);
    if (r < 0)
        return r;
    at += used;
    size -= used;
    r = nft_block_parse(at, size, &ret_base->last, &used);
    return r == 0 && used != size ? -EBADMSG : r;
}

/* Neither follows a link nor waits for the other end of a FIFO. */
static int open_file(const char *path, int *ret_fd, struct fault *fault)
{
    struct stat file;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &file) < 0)
        return fault_set(fault, -errno, "saved counters %s: %s", path, strerror(errno));
    if (!S_ISREG(file.st_mode))
        return fault_set(fault, -EBADMSG, "saved counters %s: not a plain file", path);
    if ((file.st_uid != 0 && file.st_uid != geteuid()) || file.st_mode & (S_IWGRP | S_IWOTH))
        return fault_set(fault, -EBADMSG, "saved counters %s: others may write to it (UID %u, mode %04o)", path,
                         file.st_uid, file.st_mode & 07777);
    if (file.st_size > NFT_BLOCK_FILE_MAX)
        return fault_set(fault, -EBADMSG, "saved counters %s: longer than %d bytes", path, NFT_BLOCK_FILE_MAX);
    *ret_fd = fd_take(&fd);
    return (int)file.st_size;
}

static const char *meaning(int r)
{
    switch (r) {
    case -EBADMSG:
        return "torn, or not written by trafficd";
    case -EPROTO:
        return "of another version";
    case -ESTALE:
        return "of another boot";
    default:
        return strerror(-r);
    }
}

int nft_base_read(const char *path, const char *boot_id, struct nft_base *ret_base, struct fault *fault)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_free_ char *bytes = NULL;
    size_t size;
    const int expected = open_file(path, &fd, fault);
    if (expected < 0)
        return expected;
    int r = fd_read_all(fd, (size_t)expected, &bytes, &size);
    if (r == 0)
        r = nft_base_parse(bytes, size, ret_base);
    if (r == 0 && strncmp(ret_base->table.boot_id, boot_id, sizeof(ret_base->table.boot_id)) != 0)
        r = -ESTALE;
    return r < 0 ? fault_set(fault, r, "saved counters %s: %s", path, meaning(r)) : 0;
}

int nft_base_go_on(const char *path, const struct nft_base_table *table, struct fault *fault)
{
    _cleanup_(nft_base_done) struct nft_base base = {0};
    const struct nft_counts nothing = {0};
    struct fault unheard = {0};
    if (nft_base_read(path, table->boot_id, &base, &unheard) < 0) {
        nft_base_done(&base);
        base = (struct nft_base){0};
    }
    int r = nft_base_note(&base, table, &nothing);
    return r < 0 ? r : nft_base_write(&base, path, fault);
}
