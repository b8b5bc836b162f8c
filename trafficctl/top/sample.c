/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sample.h"

#include "cleanup.h"
#include "cli.h"

int sample_take(const char *bpffs, const struct reading_filter *filter, struct users *users,
                struct tctl_status *ret_status, struct tctl_backend *ret_backend)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_(reading_done) struct reading reading = {0};
    int r = tctl_open(bpffs, &traffic);

    if (r == 0)
        r = reading_take(traffic, filter, &reading);
    if (r == 0 && ret_status)
        r = tctl_status(traffic, ret_status);
    if (r == 0 && ret_backend)
        r = tctl_backend(traffic, ret_backend);
    return r < 0 ? r : users_update(users, &reading);
}
