/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A proxy's work, as root, without trafficd: send a datagram that is charged to somebody else, under a tag. charge
 * ADDRESS UID [BPFFS].
 * cc charge.c $(pkg-config --cflags --libs trafficctl)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <trafficctl/accounting.h>

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct tctl_accounting *accounting = NULL;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), r = -EINVAL;

    if (argc > 2 && inet_pton(AF_INET, argv[1], &to.sin_addr) == 1)
        r = tctl_accounting_open(argc > 3 ? argv[3] : NULL, &accounting);
    if (r == 0)
        r = tctl_socket_tag(accounting, fd, (uint32_t)strtoul(argv[2], NULL, 10), 0xbeef);
    if (r < 0)
        fprintf(stderr, "not sent: %s\n", strerror(-r));
    tctl_accounting_close(accounting);
    return r < 0 || sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)) != 5;
}
