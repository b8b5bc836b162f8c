/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ticks.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fd.h"

int ticks_restart(int ticks)
{
    static const struct itimerspec SECOND = {{1, 0}, {1, 0}};

    return timerfd_settime(ticks, 0, &SECOND, NULL) < 0 ? -errno : 0;
}

int ticks_open(void)
{
    _cleanup_fd_ int ticks = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int r = ticks < 0 ? -errno : ticks_restart(ticks);

    return r < 0 ? r : fd_take(&ticks);
}

bool ticks_take(int ticks)
{
    uint64_t expirations;

    return read(ticks, &expirations, sizeof(expirations)) == sizeof(expirations);
}
