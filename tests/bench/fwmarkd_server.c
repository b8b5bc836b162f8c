/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmarkd_server.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "fwmark.h"

#define BACKLOG 128

static int received(const struct msghdr *message)
{
    const struct cmsghdr *head = CMSG_FIRSTHDR(message);
    int fd = -1;

    if (head && head->cmsg_len == CMSG_LEN(sizeof(fd)))
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

/* Answers before it closes what it was sent: nobody waits for that here. */
__attribute__((noreturn)) static void serve(int listener)
{
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct fwmark_command command;
        union {
            struct cmsghdr head;
            char room[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec data = {&command, sizeof(command)};
        struct msghdr message = {
            .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int32_t answer = 0;

        if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
            answer = -errno;
        else if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) != sizeof(command))
            answer = -EBADMSG;
        int fd = received(&message);
        send(connection, &answer, sizeof(answer), MSG_NOSIGNAL);
        fd_close(fd);
        fd_close(connection);
    }
}

int fwmarkd_server_start(struct fwmarkd_server *server, const char *folder)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    _cleanup_fd_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(server->path, sizeof(server->path), "%s/bare", folder);
    memcpy(at.sun_path, server->path, sizeof(server->path));
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(at.sun_path, 0666) < 0 ||
        listen(listener, BACKLOG) < 0)
        return -errno;
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    return server->pid < 0 ? -errno : 0;
}

void fwmarkd_server_end(struct fwmarkd_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    unlink(server->path);
    server->pid = 0;
}
