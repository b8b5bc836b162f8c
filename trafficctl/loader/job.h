/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One start or repair: what it was asked for, what it found, what it has done. Passed from file to file of this room.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <pins.h>
#include <traffic_abi.h>

#include "fault.h"
#include "loader.h"
#include "undo.h"

struct traffic;
struct link_object;

/* Of grow.h. */
struct job_grow {
    uint64_t wanted;    /* 1 << enum pin_id: this pin's map is replaced by a larger one */
    int leftover[PINS]; /* the larger one that a killed start has made for counters; -1: none */
    bool again;         /* and some of these are smaller than asked for now: another start after this one */
    bool was_odd;       /* a start that was killed has left tctl_interfaces.moves odd */
    bool begun, final;
};

struct job {
    const struct load_options *options;
    load_warn_fn warn;
    struct fault *fault;  /* never NULL */
    struct fault unheard; /* where the caller does not ask */
    struct undo undo;
    bool privileged; /* may load and attach; else everything has to be there already */
    bool repairs;    /* pins of programs and links that are others' are replaced, not refused */
    bool release_hook;
    bool iterators;
    struct tctl_kernel kernel;
    struct traffic *skeleton;
    struct link_object *links; /* the programs for BPF netfilter links; NULL: not loaded */
    int link_error;            /* why not, with link_fault */
    struct fault link_fault;
    int running_fd; /* the lock of a running trafficd; -1: not asked for */
    int cgroup_fd;
    uint64_t cgroup_id;
    int found[PINS]; /* what was pinned when the start began; -1: nothing */
    struct job_grow grow;
    bool way_changed;     /* interfaces are counted by another way since interfaces_start() */
    uint32_t earlier_way; /* than this one; enum tctl_netfilter */
};

/* NULL: no memory. Ended with job_freep(); undo is the caller's to end. */
struct job *job_new(const struct load_options *options, load_warn_fn warn, struct fault *fault);
void job_freep(struct job **job);

void job_warn(const struct job *job, const char *text);

/* Pins are made here first and renamed over the old ones. What a killed start left in it is removed by the next. */
#define JOB_ASIDE_DIR TCTL_DIR "/new"

/* "<bpffs>/<below>", malloc'ed. NULL: no memory. */
char *job_path(const char *bpffs, const char *below);
