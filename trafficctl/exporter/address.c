/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fd.h"
#include "parse.h"

#define UNIX "unix:"
#define BACKLOG 512
/* Who may connect to a path: the owner and the group, as with the pins. */
#define MODE 0660

static int parse_host(const char *host, uint16_t port, struct address *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->inet;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->inet;
    size_t length = strlen(host);
    char inner[INET6_ADDRSTRLEN + 2];

    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        address->length = sizeof(*v4);
        return 0;
    }
    if (length < 2 || length >= sizeof(inner) || host[0] != '[' || host[length - 1] != ']')
        return -EINVAL;
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = '\0';
    if (inet_pton(AF_INET6, inner, &v6->sin6_addr) != 1)
        return -EINVAL;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address->length = sizeof(*v6);
    return 0;
}

int address_parse(const char *text, struct address *ret_address)
{
    const char *colon = strrchr(text, ':');
    struct address address = {0};
    char host[INET6_ADDRSTRLEN + 2];
    uint32_t port;

    if (strncmp(text, UNIX, strlen(UNIX)) == 0) {
        if (!text[strlen(UNIX)])
            return -EINVAL;
        *ret_address = (struct address){.path = text + strlen(UNIX)};
        return 0;
    }
    if (!colon || (size_t)(colon - text) >= sizeof(host) || parse_u32(colon + 1, &port) < 0 || port == 0 ||
        port > UINT16_MAX)
        return -EINVAL;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    int r = parse_host(host, (uint16_t)port, &address);
    if (r == 0)
        *ret_address = address;
    return r;
}

static int listen_inet(const struct address *address, struct socket_file *ret, struct fault *fault)
{
    _cleanup_fd_ int fd = socket(address->inet.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return fault_set(fault, -errno, "cannot make a socket: %s", strerror(errno));
    if (bind(fd, (const struct sockaddr *)&address->inet, address->length) < 0 || listen(fd, BACKLOG) < 0)
        return fault_set(fault, -errno, "cannot listen there: %s%s", strerror(errno),
                         errno == EADDRINUSE ? ": stop whoever does, or choose another --listen" : "");
    *ret = (struct socket_file){.fd = fd_take(&fd)};
    return 0;
}

int address_listen(const struct address *address, struct socket_file *ret_listener, struct fault *fault)
{
    struct socket_file listener = {.fd = -1};
    int r = address->path ? socket_file_listen(address->path, MODE, BACKLOG, &listener, fault)
                          : listen_inet(address, &listener, fault);

    if (r < 0)
        return r;
    if (fcntl(listener.fd, F_SETFL, O_NONBLOCK) < 0) {
        r = fault_set(fault, -errno, "cannot use the socket: %s", strerror(errno));
        socket_file_done(&listener);
        return r;
    }
    *ret_listener = listener;
    return 0;
}
