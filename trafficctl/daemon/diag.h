/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the socket-destroy groups of NETLINK_SOCK_DIAG say: which sockets are no more. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef void (*diag_gone_fn)(uint64_t cookie, void *data);

/*
 * Call gone for each socket that the messages name, in their order. -EBADMSG: something in there is cut or says
 * something else, so a socket may have been missed; those before it were told.
 */
int diag_read(const void *messages, size_t length, diag_gone_fn gone, void *data);
