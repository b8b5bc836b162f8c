/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Worlds where nf_tables counts, which trafficd and others change in A. Asserts with cmocka. */
#pragma once

#include "heard_wall.h"

#define FREE 10002
#define MEMBER 20001 /* of read_group */
#define STRANGER 20002
#define NFT_WORLD                                                                                                      \
    (struct world_options)                                                                                             \
    {                                                                                                                  \
        .backend = "nft", .config = WALL_CONFIG                                                                        \
    }

#define DELETED "the table of nf_tables was deleted by nft (pid "
#define NOT_WHOLE "the table of nf_tables is not whole any more"
#define WHOLE "the table of nf_tables is whole again"

/* One by nft(8) in A, in its own words. */
__attribute__((format(printf, 1, 2))) void nft(const char *format, ...);
/* The ruleset there, without what was counted; the caller's. */
char *nft_ruleset(void);

/* trafficd has read this configuration, and does what it says. */
void nft_reload(const char *config);
/* trafficd has seen all that was changed in the ruleset until now; its log is empty. */
void nft_settles(void);

/* DENIED may not send within PROMISE_MS, and FREE may. */
void nft_closes(void);
