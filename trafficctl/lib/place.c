/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "place.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "pins.h"
#include "state.h"

static bool has_state(const char *dir)
{
    _cleanup_free_ char *path = NULL;
    return pins_path(dir, PIN_STATE, &path) == 0 && access(path, F_OK) == 0;
}

const char *place_find(const char *dir)
{
    if (dir && strcmp(dir, TCTL_BPFFS) != 0)
        return dir;
    return !has_state(TCTL_BPFFS) && state_is_file(PLACE_FILES) ? PLACE_FILES : TCTL_BPFFS;
}
