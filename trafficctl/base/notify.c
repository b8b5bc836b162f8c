/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "fd.h"

/* A manager that does not listen is waited for so long. */
static const struct timeval PATIENCE = {.tv_sec = 1};

static int notify_send(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = -1;

    if (!path)
        return 0;
    if ((*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
        return -EINVAL;
    strcpy(address.sun_path, path);
    if (*path == '@')
        address.sun_path[0] = '\0'; /* abstract: a name without a file */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &PATIENCE, sizeof(PATIENCE)) < 0)
        return -errno;
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
        return -errno;
    return 0;
}

int notify_ready(void)
{
    return notify_send("READY=1");
}

int notify_reloading(void)
{
    struct timespec now;
    char text[64];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    return notify_send(text);
}

int notify_stopping(void)
{
    return notify_send("STOPPING=1");
}
