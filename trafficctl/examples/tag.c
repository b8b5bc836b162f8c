/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Send a datagram that is counted under a tag: tag ADDRESS [SERVER].
 * cc tag.c $(pkg-config --cflags --libs trafficctl-tag)
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <trafficctl/tag.h>

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int r = tctl_tag(argc > 2 ? argv[2] : NULL, fd, TCTL_MYSELF, 0xcafe);

    if (r < 0 || argc < 2 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "not sent: %s\n", r < 0 ? strerror(-r) : "write an IPv4 address");
        return 1;
    }
    return sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)) != 5;
}
