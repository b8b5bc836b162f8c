/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A signal at a thread, ten times a second while it does what a stranger may make it wait in: the wait is interrupted,
 * and what can be done again is.
 */
#pragma once

#include <stdbool.h>
#include <time.h>

#define NUDGE_NS 100000000

struct nudge {
    timer_t timer;
    bool exists;
};

/* For the thread that calls; end with nudge_done(), also after a failure. -EAGAIN, -ENOMEM. */
int nudge_init(struct nudge *nudge);
void nudge_done(struct nudge *nudge);

/* Without a timer nothing is done. */
void nudge_start(const struct nudge *nudge);
void nudge_stop(const struct nudge *nudge);
