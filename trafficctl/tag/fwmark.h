/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * netd's fwmarkd protocol on the wire: AF_UNIX, SOCK_STREAM, host byte order. One request per connection: a struct
 * fwmark_command, for some commands followed by a struct fwmark_connect, with at most one descriptor (SCM_RIGHTS). The
 * reply is an int32_t: 0 or a negative errno. Then the server closes.
 */
#pragma once

#include <stdint.h>

/* Numbers of Android 9, and what later versions added or put in the place of 9 and 10. */
enum fwmark_command_id {
    FWMARK_ON_ACCEPT = 0,
    FWMARK_ON_CONNECT = 1,
    FWMARK_SELECT_NETWORK = 2,
    FWMARK_PROTECT_FROM_VPN = 3,
    FWMARK_SELECT_FOR_USER = 4,
    FWMARK_QUERY_USER_ACCESS = 5,
    FWMARK_ON_CONNECT_COMPLETE = 6,
    FWMARK_TAG_SOCKET = 7,
    FWMARK_UNTAG_SOCKET = 8,
    FWMARK_SET_COUNTERSET = 9,  /* Android 14 and later: ON_SENDMMSG, told by its length */
    FWMARK_DELETE_TAGDATA = 10, /* Android 14 and later: ON_SENDMSG */
    FWMARK_ON_SEND_FIRST = 11,  /* ON_SENDMMSG or ON_SENDTO, ON_SENDMSG, ON_SENDTO */
    FWMARK_ON_SEND_LAST = 13,
};

/* As uid: the caller's own. */
#define FWMARK_MYSELF 0xFFFFFFFFu

struct fwmark_command {
    uint32_t id;
    uint32_t net_id;
    uint32_t uid;
    uint32_t info; /* tag, or counter set */
};
_Static_assert(sizeof(struct fwmark_command) == 16, "netd's FwmarkCommand");

/* What ON_CONNECT and the like carry; of no use here, its length tells commands apart. */
struct fwmark_connect {
    int32_t error;
    uint32_t latency_ms;
    uint8_t address[28]; /* a sockaddr_in or sockaddr_in6 */
};
_Static_assert(sizeof(struct fwmark_connect) == 36, "netd's FwmarkConnectInfo");

#define FWMARK_SHORT sizeof(struct fwmark_command)
#define FWMARK_LONG (sizeof(struct fwmark_command) + sizeof(struct fwmark_connect))
