/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* io_uring by its system calls: one operation, and what came of it. */
#pragma once

#include <linux/io_uring.h>

/* The result of the operation, 0 or more, or -errno of it or of io_uring itself. -ENOSYS: there is none. */
int uring_do(const struct io_uring_sqe *operation);
