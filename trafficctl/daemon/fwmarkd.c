/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fwmarkd.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "listener.h"
#include "log.h"
#include "server.h"

/* For a server to open its maps and start its threads. */
#define START_MS 5000
/* To obey; what it has to do takes half of that at most. */
#define OBEY_MS 1000

struct fwmarkd {
    struct settings settings;
    bool has_tags;
    struct socket_file listener;
    struct event_base *base;
    int control;         /* to the server; -1: there is none */
    struct event *word;  /* it says something */
    struct event *ended; /* a server has ended, this one or an earlier one */
    struct event *again; /* time to start another one */
};

/* The next word of this kind. Others are answers to what was asked before. -ETIMEDOUT; -EPIPE: it has ended. */
static int wait_for_word(int control, enum server_word_kind kind, int timeout_ms, struct server_word *ret_word)
{
    struct pollfd ready = {.fd = control, .events = POLLIN};

    for (;;) {
        int count = poll(&ready, 1, timeout_ms);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : -ETIMEDOUT;
        if (recv(control, ret_word, sizeof(*ret_word), 0) != sizeof(*ret_word))
            return -EPIPE;
        if (ret_word->kind == kind || ret_word->kind == SERVER_FAILED)
            return 0;
    }
}

static int give_order(int control, const struct server_order *order)
{
    return send(control, order, sizeof(*order), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Signals are for the child to sort out before it gets any. */
static pid_t fork_server(const struct fwmarkd *fwmarkd, int control)
{
    sigset_t all, kept;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &kept);
    pid_t pid = fork();
    if (pid == 0)
        server_main(&fwmarkd->settings, fwmarkd->has_tags, fwmarkd->listener.fd, control);
    sigprocmask(SIG_SETMASK, &kept, NULL);
    return pid;
}

/* Its own end is the child's alone from then on: the parent is to see when it ends. */
static int fork_with_control(const struct fwmarkd *fwmarkd, int *ret_control)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t pid = fork_server(fwmarkd, pair[1]);
    int r = pid < 0 ? -errno : 0;
    fd_close(pair[1]);
    if (r < 0)
        fd_close(pair[0]);
    else
        *ret_control = pair[0];
    return r;
}

/* A server that is ready. */
static int start_server(const struct fwmarkd *fwmarkd, int *ret_control, struct fault *fault)
{
    _cleanup_fd_ int control = -1;
    struct server_word word;
    int r = fork_with_control(fwmarkd, &control);

    if (r < 0)
        return fault_set(fault, r, "no process to serve tags: %s", strerror(-r));
    r = wait_for_word(control, SERVER_READY, START_MS, &word);
    if (r < 0)
        return fault_set(fault, r, "the process that serves tags does not start: %s", strerror(-r));
    if (word.kind == SERVER_FAILED) {
        *fault = word.fault;
        return word.error;
    }
    *ret_control = fd_take(&control);
    return 0;
}

static void event_free_at(struct event **event)
{
    if (*event)
        event_free(*event);
    *event = NULL;
}

static void forget_server(struct fwmarkd *fwmarkd)
{
    event_free_at(&fwmarkd->word);
    fwmarkd->control = fd_close(fwmarkd->control);
}

static void on_word(evutil_socket_t control, short what, void *data);

/* In the place of the one there is, which goes when this one is ready. */
static int take_server(struct fwmarkd *fwmarkd, struct fault *fault)
{
    static const struct server_order retire = {.kind = SERVER_RETIRE};
    int control = -1, r = start_server(fwmarkd, &control, fault);

    if (r < 0)
        return r;
    if (fwmarkd->control >= 0)
        give_order(fwmarkd->control, &retire);
    forget_server(fwmarkd);
    fwmarkd->control = control;
    fwmarkd->word = event_new(fwmarkd->base, control, EV_READ | EV_PERSIST, on_word, fwmarkd);
    if (!fwmarkd->word || event_add(fwmarkd->word, NULL))
        return fault_set(fault, -ENOMEM, "out of memory");
    return 0;
}

static void try_again(struct fwmarkd *fwmarkd)
{
    static const struct timeval SECOND = {.tv_sec = 1};

    event_add(fwmarkd->again, &SECOND);
}

static void replace_full(struct fwmarkd *fwmarkd)
{
    struct fault fault = {0};

    if (take_server(fwmarkd, &fault) < 0)
        log_error("%s; threads of the present one are held up by what clients sent", fault.text);
    else
        log_warning("many threads of the process that serves tags were held up by what clients sent: another process "
                    "serves");
}

static void on_word(evutil_socket_t control, short what, void *data)
{
    struct fwmarkd *fwmarkd = data;
    struct server_word word;
    ssize_t got = recv(control, &word, sizeof(word), MSG_DONTWAIT);

    (void)what;
    if (got < 0)
        return;
    if (got == 0) {
        log_error("the process that serves tags has ended: another one is started in a second");
        forget_server(fwmarkd);
        try_again(fwmarkd);
    } else if (word.kind == SERVER_FULL) {
        replace_full(fwmarkd);
    }
}

static void on_again(evutil_socket_t fd, short what, void *data)
{
    struct fwmarkd *fwmarkd = data;
    struct fault fault = {0};

    (void)fd;
    (void)what;
    if (take_server(fwmarkd, &fault) == 0)
        return;
    log_error("%s; trying again in a second", fault.text);
    try_again(fwmarkd);
}

static void on_ended(evutil_socket_t signal, short what, void *data)
{
    (void)signal;
    (void)what;
    (void)data;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static int set_up(struct fwmarkd *fwmarkd, struct fault *fault)
{
    fwmarkd->ended = evsignal_new(fwmarkd->base, SIGCHLD, on_ended, NULL);
    fwmarkd->again = evtimer_new(fwmarkd->base, on_again, fwmarkd);
    if (!fwmarkd->ended || !fwmarkd->again || evsignal_add(fwmarkd->ended, NULL))
        return fault_set(fault, -ENOMEM, "out of memory");
    int r = listener_open(fwmarkd->settings.socket, &fwmarkd->listener, fault);
    return r < 0 ? r : take_server(fwmarkd, fault);
}

int fwmarkd_start(const struct settings *settings, bool has_tags, struct event_base *base, struct fwmarkd **ret_fwmarkd,
                  struct fault *fault)
{
    struct fwmarkd *fwmarkd = calloc(1, sizeof(*fwmarkd));

    if (!fwmarkd)
        return fault_set(fault, -ENOMEM, "out of memory");
    *fwmarkd =
        (struct fwmarkd){.settings = *settings, .has_tags = has_tags, .listener.fd = -1, .base = base, .control = -1};
    int r = set_up(fwmarkd, fault);
    if (r < 0)
        fwmarkd_stop(fwmarkd);
    else
        *ret_fwmarkd = fwmarkd;
    return r;
}

const char *fwmarkd_place(const struct fwmarkd *fwmarkd)
{
    return fwmarkd->listener.path ?: "the socket that was handed over";
}

void fwmarkd_apply(struct fwmarkd *fwmarkd, const struct settings *settings)
{
    const struct server_order order = {.kind = SERVER_RIGHTS, .rights = peer_rights_of(settings)};
    struct server_word word;

    fwmarkd->settings = *settings;
    if (fwmarkd->control < 0)
        return; /* the next one begins with them */
    int r = give_order(fwmarkd->control, &order);
    if (r == 0)
        r = wait_for_word(fwmarkd->control, SERVER_OBEYS, OBEY_MS, &word);
    if (r < 0)
        log_error("who may do accounting could not be told: %s; restart trafficd", strerror(-r));
}

struct fwmarkd *fwmarkd_stop(struct fwmarkd *fwmarkd)
{
    static const struct server_order stop = {.kind = SERVER_STOP};
    struct server_word word;

    if (!fwmarkd)
        return NULL;
    if (fwmarkd->control >= 0 && give_order(fwmarkd->control, &stop) == 0)
        wait_for_word(fwmarkd->control, SERVER_DONE, OBEY_MS, &word);
    forget_server(fwmarkd);
    socket_file_done(&fwmarkd->listener);
    event_free_at(&fwmarkd->ended);
    event_free_at(&fwmarkd->again);
    free(fwmarkd);
    return NULL;
}
