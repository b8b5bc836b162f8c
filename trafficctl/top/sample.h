/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The next reading, from the pins as they are now. */
#pragma once

#include "users.h"

/*
 * The pins are opened anew, so that it follows an unload and a new start. ret_status and ret_backend NULL: nobody asks.
 * Errors as tctl_open() and tctl_read_details(); users are as they were then.
 */
int sample_take(const char *bpffs, const struct reading_filter *filter, struct users *users,
                struct tctl_status *ret_status, struct tctl_backend *ret_backend);
