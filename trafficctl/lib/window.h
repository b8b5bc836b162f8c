/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The time in which programs leave alone what somebody deletes. Elements of kernel hash maps are reused at once: a
 * program that still held a row when it is deleted would add to somebody else's. It ends by itself, since who deletes
 * may die. The writers' lock is the caller's all the time.
 */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

struct window {
    int config, generation; /* the maps; not owned */
    struct tctl_tag what;   /* tag 0: all of the UID; uid TCTL_NOBODY: places of hot rows alone stay whose they are */
    uint64_t until_ns;      /* CLOCK_MONOTONIC */
};

/* Open it; whoever runs already may not know until grace_wait(). Close it also after a failure. -errno. */
int window_open(int config, int generation, const struct tctl_tag *what, struct window *window);

/*
 * Keep it open; cheap, to be called every few ms. -ETIME: it had ended in between, and programs did again what they
 * like. -errno of bpf(2).
 */
int window_hold(struct window *window);

int window_close(const struct window *window);
