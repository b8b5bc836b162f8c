/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a reader has open where BPF counts: pinned maps. */
#pragma once

#include "backend.h"

struct reader {
    char *bpffs;
    struct stats_map stats[TCTL_STATS_MAPS]; /* by enum tctl_stats_map */
    struct stats_map drops;                  /* opened when it is first read */
    int names;
    bool percpu; /* programs count beside the maps, also while it could not be opened */
    struct stats_beside beside;
    int state;
    int folder;     /* of ours, that pins were in: gone after an unload */
    int moves;      /* for moves_read(); -1: this layout has none */
    uint64_t moved; /* what it said when the maps were opened */
};

/*
 * For programs and lists: all but maps of counters and names, which stay -1. End with bpf_reader_close(). -EOPNOTSUPP:
 * something else counts there; errors of tctl_open().
 */
int bpf_reader_open_bare(const char *bpffs, struct reader **ret_reader);
/* All of it. Errors as above. */
int bpf_reader_open(const char *bpffs, struct reader **ret_reader);
/* NULL is fine. */
void bpf_reader_close(struct reader *reader);

static inline void bpf_reader_closep(struct reader **reader)
{
    bpf_reader_close(*reader);
}

/* -EOPNOTSUPP: something else counts. */
int bpf_reader_of(const struct tctl *traffic, struct reader **ret_reader);

/*
 * Did counters begin to move to larger maps since the maps were opened, so that what was read may lack some? 1, 0;
 * errors of pins_check_loaded(), errno of bpf(2).
 */
int bpf_reader_has_moved(const struct reader *reader);

/*
 * The same, and then wait for the larger maps and open those: 1 says that what was read is to be read again. -EBUSY:
 * they have been on their way for 5 seconds; errors of bpf_reader_has_moved() and of pins_open_map().
 */
int bpf_reader_again(struct reader *reader);

/* For names_get(); end with names_done(). The reader lives longer. */
struct names bpf_reader_names(const struct reader *reader);

/* For struct backend. */
int bpf_reader_status(struct reader *reader, const struct tctl_state *state, struct tctl_status *status);
