/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who owns a netlink socket of libmnl's. */
#pragma once

#include <libmnl/libmnl.h>

#include "cleanup.h"

static inline void netlink_closep(struct mnl_socket **netlink)
{
    if (*netlink)
        mnl_socket_close(*netlink);
}
#define _cleanup_netlink_ _cleanup_(netlink_closep)
