/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmarkd_clients.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <trafficctl/accounting.h>
#include <trafficctl/tag.h>

#include "clock.h"
#include "fd.h"
#include "fwmark.h"

#define FIRST_UID 20001
#define HOSTILE_UID 20101
#define HOSTILE_UIDS 8

struct order {
    char server[96];
    unsigned tags, ms;
};

static int reach(const char *server)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(at.sun_path, server, sizeof(at.sun_path) - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -errno;
    return fd_take(&fd);
}

/* A process, and what it tags with. */
struct tagger {
    uid_t uid;
    int socket;
    struct tctl_accounting *accounting; /* NULL: it asks a server */
};

static int tag_once(const struct tagger *tagger, const char *server, uint32_t tag)
{
    if (tagger->accounting)
        return tctl_socket_tag(tagger->accounting, tagger->socket, tagger->uid, tag);
    return tctl_tag(server, tagger->socket, TCTL_MYSELF, tag);
}

static int tag_for(const struct order *order, const struct tagger *tagger, struct clients_samples *samples)
{
    uint64_t at = (uint64_t)clock_now_ns(), end = at + (uint64_t)order->ms * 1000000;
    int r = 0;

    samples->count = 0;
    while (r == 0 && at < end && samples->count < CLIENTS_SAMPLES) {
        uint64_t start = at;

        r = tag_once(tagger, order->server, 1 + samples->count % order->tags);
        at = (uint64_t)clock_now_ns();
        samples->ns[samples->count++] = (uint32_t)(at - start);
    }
    return r;
}

/* Another user's process has no signal of its parent's end any more, and asks for it again. */
static int become(uid_t uid)
{
    if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    return 0;
}

static int prepare(struct tagger *tagger, const char *bpffs)
{
    int r = bpffs ? tctl_accounting_open(bpffs, &tagger->accounting) : become(tagger->uid);

    if (r < 0)
        return r;
    tagger->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return tagger->socket < 0 ? -errno : 0;
}

__attribute__((noreturn)) static void client(uid_t uid, const char *bpffs, int channel, struct clients_samples *samples)
{
    struct tagger tagger = {.uid = uid};
    struct order order;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (prepare(&tagger, bpffs) < 0)
        _exit(1);
    while (recv(channel, &order, sizeof(order), 0) == sizeof(order)) {
        samples->error = tag_for(&order, &tagger, samples);
        if (send(channel, "", 1, MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

static int client_start(struct clients *clients, size_t i, const char *bpffs)
{
    int pair[2];

    clients->samples[i] =
        mmap(NULL, sizeof(struct clients_samples), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (clients->samples[i] == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    clients->pid[i] = fork();
    if (clients->pid[i] == 0) {
        fd_close(pair[0]);
        client(FIRST_UID + (uid_t)i, bpffs, pair[1], clients->samples[i]);
    }
    fd_close(pair[1]);
    clients->channel[i] = pair[0];
    return clients->pid[i] < 0 ? -errno : 0;
}

int clients_start(struct clients *clients, const char *bpffs)
{
    int r = 0;

    *clients = (struct clients){0};
    for (size_t i = 0; r == 0 && i < CLIENTS_MAX; i++)
        r = client_start(clients, i, bpffs);
    return r;
}

void clients_end(struct clients *clients)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (clients->pid[i] <= 0)
            continue;
        kill(clients->pid[i], SIGKILL);
        waitpid(clients->pid[i], NULL, 0);
        fd_close(clients->channel[i]);
        munmap(clients->samples[i], sizeof(struct clients_samples));
    }
    *clients = (struct clients){0};
}

double clients_run(struct clients *clients, size_t count, const char *server, unsigned tags, unsigned ms)
{
    struct order order = {.tags = tags, .ms = ms};
    int64_t start = clock_now_ns();
    double trips = 0;
    char word;

    if (server)
        strncpy(order.server, server, sizeof(order.server) - 1);
    for (size_t i = 0; i < count; i++)
        if (send(clients->channel[i], &order, sizeof(order), MSG_NOSIGNAL) < 0)
            return -errno;
    for (size_t i = 0; i < count; i++) {
        if (recv(clients->channel[i], &word, sizeof(word), 0) != sizeof(word))
            return -EPIPE;
        if (clients->samples[i]->error < 0)
            return clients->samples[i]->error;
        trips += clients->samples[i]->count;
    }
    return trips * 1e9 / (double)(clock_now_ns() - start);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

double clients_p99(struct clients *clients, size_t count)
{
    _cleanup_free_ uint32_t *all = malloc(count * CLIENTS_SAMPLES * sizeof(*all));
    size_t filled = 0;

    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        memcpy(all + filled, clients->samples[i]->ns, clients->samples[i]->count * sizeof(*all));
        filled += clients->samples[i]->count;
    }
    qsort(all, filled, sizeof(*all), by_size);
    return filled ? (double)all[filled * 99 / 100] : -ENODATA;
}

/* A peer's UID is that of who connects. */
static int hostile_peer(const char *server, size_t i)
{
    static const struct fwmark_command HALF = {.id = FWMARK_TAG_SOCKET, .uid = FWMARK_MYSELF, .info = 1};
    uid_t uid = HOSTILE_UID + (uid_t)(i % HOSTILE_UIDS);

    if (seteuid(uid) < 0)
        return -errno;
    int fd = reach(server);
    if (fd >= 0 && i / HOSTILE_UIDS % 2 && send(fd, &HALF, sizeof(HALF) / 2, MSG_NOSIGNAL) < 0)
        fd = -errno;
    return seteuid(0) < 0 ? -errno : fd;
}

pid_t hostile_peers_start(const char *server, size_t count)
{
    int ready[2];
    char word;

    if (pipe(ready) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; i < count; i++)
            if (hostile_peer(server, i) < 0)
                _exit(1);
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    fd_close(ready[1]);
    bool all = pid > 0 && read(ready[0], &word, 1) == 1;
    fd_close(ready[0]);
    if (all || pid < 0)
        return pid < 0 ? -EAGAIN : pid;
    hostile_peers_end(pid);
    return -EPIPE;
}

void hostile_peers_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
