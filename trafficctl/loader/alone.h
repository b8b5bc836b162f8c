/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* There is one table of nf_tables in a network namespace, wherever a trafficd has its files. */
#pragma once

#include "loader.h"

/*
 * The right to keep it, until *ret_fd is closed: an abstract socket, which is known in this network namespace alone.
 * -EBUSY: root has it already; fault names the process. Whoever else has taken the name only keeps it from being held,
 * of which warn is told: *ret_fd is -1 then.
 */
int alone_take(load_warn_fn warn, int *ret_fd, struct fault *fault);
