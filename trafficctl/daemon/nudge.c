/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nudge.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* older C libraries have no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Not the one that fwmarkd's threads are woken by: each has its own handler's life. */
#define NUDGE_SIGNAL (SIGRTMIN + 1)

static void nudged(int signal)
{
    (void)signal;
}

int nudge_init(struct nudge *nudge)
{
    const struct sigaction nothing = {.sa_handler = nudged};
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = NUDGE_SIGNAL, .sigev_notify_thread_id = gettid()};
    *nudge = (struct nudge){0};
    if (sigaction(NUDGE_SIGNAL, &nothing, NULL) < 0 || timer_create(CLOCK_MONOTONIC, &event, &nudge->timer) < 0)
        return -errno;
    nudge->exists = true;
    return 0;
}

void nudge_done(struct nudge *nudge)
{
    if (nudge->exists)
        timer_delete(nudge->timer);
    nudge->exists = false;
}

static void set(const struct nudge *nudge, long every_ns)
{
    const struct itimerspec when = {{0, every_ns}, {0, every_ns}};
    if (nudge->exists)
        timer_settime(nudge->timer, 0, &when, NULL);
}

void nudge_start(const struct nudge *nudge)
{
    set(nudge, NUDGE_NS);
}

void nudge_stop(const struct nudge *nudge)
{
    set(nudge, 0);
}
