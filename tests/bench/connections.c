/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "window.h"

#define PORT 7000
#define PASS 8 /* connections in a row that are timed as one */
#define BACKLOG 16
#define LATEST 10 /* a run that hangs is ended then, s */

int connections_prepare(struct world *world)
{
    return world_sysctl(world, PLACE_A, "ipv4/tcp_max_tw_buckets", "0");
}

static struct sockaddr_in at(void)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A byte from the one to the other, and the end of it: what is sent on loopback has arrived when send() returns. */
static int talk(int from, int to)
{
    char byte = 0;

    if (send(from, &byte, 1, MSG_NOSIGNAL) != 1 || recv(to, &byte, 1, 0) != 1)
        return -errno;
    return shutdown(from, SHUT_WR) < 0 || recv(to, &byte, 1, 0) != 0 ? -errno : 0;
}

static int connect_once(int listener)
{
    const struct sockaddr_in there = at();
    _cleanup_fd_ int server = -1; /* closed after the client: it has said its last word before */
    _cleanup_fd_ int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (client < 0 || connect(client, (const struct sockaddr *)&there, sizeof(there)) < 0)
        return -errno;
    server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    return server < 0 ? -errno : talk(server, client);
}

static int pass(void *arg)
{
    int r = 0;

    for (int i = 0; i < PASS && r == 0; i++)
        r = connect_once(*(const int *)arg);
    return r;
}

static int serve_and_connect(int channel, void *arg)
{
    const struct sockaddr_in here = at();
    const int on = 1;
    _cleanup_fd_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)arg;
    alarm(LATEST);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(listener, (const struct sockaddr *)&here, sizeof(here)) < 0 || listen(listener, BACKLOG) < 0)
        return -errno;
    return channel_send(channel, (uint64_t)window_rate(pass, &listener, PASS));
}

int64_t connections_rate(struct world *world, uid_t uid)
{
    struct actor actor = {.channel = -1};
    uint64_t rate = 0;
    int r = actor_start(world, PLACE_A, uid, serve_and_connect, NULL, &actor);

    if (r < 0)
        return r;
    int received = channel_recv(actor.channel, &rate);
    r = actor_wait(&actor);
    return r < 0 ? r : received < 0 ? received : (int64_t)rate;
}
