/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdbool.h>

/* Not libmnl's check of the length, which takes one above INT_MAX for a negative number. */
static bool is_ended_socket(const struct nlmsghdr *header, size_t left)
{
    return left >= sizeof(*header) && header->nlmsg_len <= left && header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
           header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg));
}

int diag_read(const void *messages, size_t length, diag_gone_fn gone, void *data)
{
    const char *at = messages, *end = at + length;
    while (at < end) {
        const struct nlmsghdr *header = (const void *)at;
        if (!is_ended_socket(header, (size_t)(end - at)))
            return -EBADMSG;
        const struct inet_diag_msg *socket = NLMSG_DATA(header);
        gone(socket->id.idiag_cookie[0] | (uint64_t)socket->id.idiag_cookie[1] << 32, data);
        if (NLMSG_ALIGN(header->nlmsg_len) >= (size_t)(end - at))
            break; /* the last one may lack its padding */
        at += NLMSG_ALIGN(header->nlmsg_len);
    }
    return 0;
}
