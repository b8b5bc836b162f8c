/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmark_server.h"
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

#define ROOM 8 /* descriptors that are looked at; more than any client may send */

static void note_descriptors(struct server *server, struct msghdr *message)
{
    server->descriptors = 0;
    server->inode = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        int fds[ROOM];
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        memcpy(fds, CMSG_DATA(head), count * sizeof(int));
        for (size_t i = 0; i < count; i++) {
            struct stat about;

            server->inode = fstat(fds[i], &about) == 0 ? about.st_ino : 0;
            fd_close(fds[i]);
        }
        server->descriptors += count;
    }
}

void server_take(struct server *server, int peer)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(ROOM * sizeof(int))];
    } control;
    char bytes[sizeof(server->command) + 1];
    struct iovec data = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

    server->length = recvmsg(peer, &message, MSG_CMSG_CLOEXEC);
    if (server->length <= 0)
        return;
    note_descriptors(server, &message);
    memcpy(&server->command, bytes, sizeof(server->command));
}

bool server_client_gone(int peer, int ms)
{
    struct pollfd end = {.fd = peer, .events = POLLRDHUP};

    return poll(&end, 1, ms) > 0;
}

void server_answers(struct server *server, int peer)
{
    server_take(server, peer);
    send(peer, &server->reply, sizeof(server->reply), MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
    struct server *server = arg;
    struct pollfd ready[] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->stop, .events = POLLIN}};

    while (poll(ready, ARRAY_SIZE(ready), -1) > 0 && !ready[1].revents) {
        _cleanup_fd_ int peer = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);

        if (peer < 0)
            continue;
        server->connections++;
        server->script(server, peer);
    }
    return NULL;
}

/* Signals are for the client. */
static void start_thread(struct server *server)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    server->running = true;
}

void server_start(struct server *server, server_script_fn script, int32_t reply)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *server = (struct server){.script = script, .reply = reply, .folder = "/tmp/fwmark_server.XXXXXX"};
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->path, sizeof(server->path), "%s/socket", server->folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->stop = eventfd(0, EFD_CLOEXEC);
    assert_return_code(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), errno);
    assert_return_code(listen(server->listener, script ? 64 : 0), errno);
    if (script)
        start_thread(server);
}

void server_end(struct server *server)
{
    if (server->running) {
        eventfd_write(server->stop, 1);
        pthread_join(server->thread, NULL);
        server->running = false;
    }
    server->listener = fd_close(server->listener);
    server->stop = fd_close(server->stop);
    unlink(server->path);
    rmdir(server->folder);
}
