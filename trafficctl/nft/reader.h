/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What a reader has open where nf_tables counts. All ask trafficd; where none answers, root asks the table itself, in
 * its network namespace.
 */
#pragma once

#include <backend.h>

#include "snapshot.h"
#include "talk.h"
#include "totals.h"

struct reader {
    char *place;
    int folder;               /* of ours: gone after an unload */
    struct nft_talk *talk;    /* NULL: trafficd alone can be asked */
    bool based;               /* totals know what was saved of tables that are gone */
    struct nft_totals totals; /* while no trafficd answers */
    struct nft_snapshot now;  /* the last reading */
};

int nft_reader_open(const char *place, struct reader **ret_reader);
void nft_reader_close(struct reader *reader);

/* Read all there is, into now. -ENOTCONN: no trafficd runs, and the caller may not ask himself; errors of nft_ask(). */
int nft_reader_read(struct reader *reader);

/* For struct backend. */
int nft_reader_status(struct reader *reader, const struct tctl_state *state, struct tctl_status *status);
