/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is held of a start that went well. */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "job.h"

/* A pin that was found to be right. While its file stays the same one, so does what is pinned there. */
struct loaded_pin {
    dev_t device;
    ino_t inode;
    struct timespec changed; /* also its owner, its mode */
    uint32_t number;         /* 0: nothing is known */
};

struct engine;
struct nft_keeper;

struct loaded {
    const struct engine *engine;
    char *place;              /* the bpffs; a folder, where nf_tables counts */
    struct tctl_state *state; /* mapped writable */
    uint32_t wanted;          /* 1 << enum tctl_program */
    gid_t read_group;
    int running_fd; /* the lock of a running trafficd; -1: not held */

    int alone_fd;              /* see alone.h; -1: not held */
    struct nft_keeper *keeper; /* NULL where BPF counts, as is the rest for nf_tables */
    bool owes_policy;          /* the table was put again, and the saved policy does not hold in it yet */

    char *cgroup; /* NULL: where cgroup2 is mounted */
    uint64_t cgroup_id;
    uint32_t ids[PINS];                 /* of what was pinned at the end of the start; 0: nothing */
    struct loaded_pin known[PINS];      /* of the last look: maps, programs and iterators */
    struct tctl_interfaces *interfaces; /* mapped writable */
    struct netfilter_held *held;        /* of the interface programs; NULL: nothing is to be held */
};
