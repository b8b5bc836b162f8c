/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Counters that outlive their table: others flush the ruleset, and with it goes what it has counted. What was last seen
 * of the table is kept, also in a file, and counts on its own as soon as the table has another handle. Row by row
 * nothing that was told becomes less: a counter that others have set back begins anew on top of what it had.
 */
#pragma once

#include <stdbool.h>

#include "counts.h"
#include "fault.h"

/* Where it is kept, below the place of the state. */
#define NFT_BASE_FILE TCTL_DIR "/base"
#define NFT_BASE_BESIDE ".new" /* behind its name: of the file that is to replace it */

/* Handles are numbers in a network namespace, which have their own in a boot. */
struct nft_base_table {
    char boot_id[TCTL_BOOT_ID_LEN];
    uint32_t netns_inum;
    uint64_t handle; /* 0: none */
};

/* A zeroed one has seen no table; end it with nft_base_done(). */
struct nft_base {
    struct nft_base_table table;
    struct nft_counts carried; /* of tables that are gone, and of counters that were set back */
    struct nft_counts last;    /* seen of table */
    bool unsaved;              /* carried has become more; for whoever writes it, who then says that it has not */
};

void nft_base_done(struct nft_base *base);

/*
 * Note what was read of a table. The first one, and one that is another than that of the last call, begins with what is
 * in it. -ENOMEM: base is to be thrown away.
 */
int nft_base_note(struct nft_base *base, const struct nft_base_table *table, const struct nft_counts *read);

/* All that was counted, into an empty *ret_counts. -ENOMEM. */
int nft_base_total(const struct nft_base *base, struct nft_counts *ret_counts);

/* Where it is kept below a place, malloc'ed. NULL: no memory. */
char *nft_base_path(const char *place);

/*
 * Replace the file at path, mode 0600: whoever reads sees the old one or the new one. Not forced onto a disk: after a
 * crash of the kernel counting begins anew. Its folder is one that nobody else may write to. -errno, and fault says at
 * what; the old file is there then.
 */
int nft_base_write(const struct nft_base *base, const char *path, struct fault *fault);

/*
 * Read it into an empty *ret_base, which the caller ends also after a failure. -ENOENT: there is none; -ESTALE: of
 * another boot than boot_id, so that nothing in it counts; -EPROTO: of another version; -EBADMSG: torn, no plain file,
 * or one that somebody other than root and the caller may have written; -ENOMEM, -errno of open(2) and read(2). fault
 * says what is wrong.
 */
int nft_base_read(const char *path, const char *boot_id, struct nft_base *ret_base, struct fault *fault);

/*
 * Say in the file that table, which was just made, is ours from now on; what was saved of the one before is carried
 * over. A file that cannot be read is replaced. Errors of nft_base_write().
 */
int nft_base_go_on(const char *path, const struct nft_base_table *table, struct fault *fault);

/* Read it of bytes, aligned to 8. */
int nft_base_parse(const void *bytes, size_t size, struct nft_base *ret_base);
