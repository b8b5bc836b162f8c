/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "asked.h"

#include <errno.h>
#include <string.h>

#include "parse.h"
#include "state.h"

int asked_read(const char *bpffs, struct asked *ret_asked)
{
    struct asked asked = {.policy = ASKED_POLICY};
    struct tctl_state state;
    char destroy[EFFECTIVE_LEN] = "no";
    int r = state_read_pinned(bpffs, &state);
    if (r < 0)
        return r;
    r = effective_find(&state, "policy", asked.policy);
    if (r == 0 || r == -ENOENT)
        r = effective_find(&state, "destroy_sockets", destroy);
    if (r == 0 || r == -ENOENT)
        r = parse_bool(destroy, &asked.destroy_sockets);
    if (r < 0)
        return r;
    *ret_asked = asked;
    return 0;
}
