/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "tag_client.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fd.h"

struct server the_server;
int a_socket = -1;
bool open_before[CLIENT_DESCRIPTORS];

bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

int client_set_up(void **state)
{
    (void)state;
    the_server = (struct server){.listener = -1, .stop = -1};
    for (int fd = 0; fd < CLIENT_DESCRIPTORS; fd++)
        open_before[fd] = is_open(fd);
    a_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return a_socket < 0;
}

int client_tear_down(void **state)
{
    (void)state;
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    server_end(&the_server);
    a_socket = fd_close(a_socket);
    for (int fd = 0; fd < CLIENT_DESCRIPTORS; fd++)
        if (open_before[fd] != is_open(fd))
            return fprintf(stderr, "descriptor %d was leaked or closed\n", fd);
    return 0;
}

int tag_it(void)
{
    return tctl_tag(the_server.path, a_socket, TCTL_MYSELF, 5);
}
