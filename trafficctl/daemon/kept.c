/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "kept.h"

bool kept_add(struct kept *kept, const struct connection *connection)
{
    if (kept->count == KEPT_MAX)
        return false;
    kept->all[kept->count++] = (struct kept_one){connection->fd, connection->descriptor, connection->peer.user};
    return true;
}

bool kept_take(struct kept *kept, uid_t user, struct connection *ret_connection)
{
    for (unsigned int i = 0; i < kept->count; i++) {
        const struct kept_one one = kept->all[i];
        if (one.user != user)
            continue;
        kept->all[i] = kept->all[--kept->count];
        *ret_connection =
            (struct connection){.fd = one.fd, .descriptor = one.descriptor, .peer = {.uid = user, .user = user}};
        return true;
    }
    return false;
}
