/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "heard_wall.h"

#include <signal.h>

int heard_wall_setup(void **state)
{
    if (wall_setup(state) < 0 || world_stop_daemon(the_world, SIGTERM, NULL) < 0)
        return -1;
    journal_start();
    wall("firewall enable standby");
    wall("firewall deny standby %d", DENIED);
    journal_forget();
    return 0;
}

int heard_wall_teardown(void **state)
{
    int r = wall_teardown(state);

    /* Whoever writes to a pipe without a reader is ended. */
    world_stop_daemon(the_world, SIGTERM, NULL);
    journal_end();
    return r < 0 ? r : world_start_daemon(the_world);
}
