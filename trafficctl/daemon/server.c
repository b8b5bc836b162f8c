/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "serve.h"

/* More are of no use here, and would only let peers fill memory. */
#define OPEN_FILES 4096

/* How many open files there may be, after asking for enough. */
static uint64_t open_files(void)
{
    struct rlimit limit = {0};

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < OPEN_FILES) {
        const struct rlimit more = {limit.rlim_max < OPEN_FILES ? limit.rlim_max : OPEN_FILES, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            limit = more;
    }
    return limit.rlim_cur;
}

static int open_events(struct server *server)
{
    struct epoll_event deadline = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = SERVER_DEADLINE};

    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->deadline = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (server->epoll < 0 || server->deadline < 0 ||
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->deadline, &deadline) < 0)
        return -errno;
    return 0;
}

static void init(struct server *server, const struct settings *settings, bool has_tags, int listener, int control)
{
    *server = (struct server){.listener = listener, .control = control, .has_tags = has_tags};
    strcpy(server->bpffs, settings->bpffs);
    server->limit.sockets = settings->entries[LOAD_COOKIE_TAG] / 2;
    server->rights = peer_rights_of(settings);
    pthread_mutex_init(&server->lock, NULL);
    pool_init_cond(&server->room);
    pool_init(&server->pool);
}

static int open_maps(struct server *server, const struct settings *settings)
{
    int r = peer_folding_open(settings, &server->folding);

    return r < 0 ? r : tags_open(server->bpffs, &server->tags);
}

/* The end of the process is the end of all this. */
static int set_up(struct server *server, const struct settings *settings, struct fault *fault)
{
    int r = server->has_tags ? open_maps(server, settings) : 0;

    if (r == 0)
        r = waiting_init(&server->waiting, waiting_size(open_files()));
    if (r == 0)
        r = open_events(server);
    if (r < 0)
        return fault_set(fault, r, "tags cannot be served: %s", strerror(-r));
    r = pool_start(server);
    if (r < 0)
        return fault_set(fault, r, "the threads that serve tags cannot be started: %s", strerror(-r));
    return 0;
}

/* What is told to trafficd goes to trafficd; it says when this is to end. */
static void take_no_signals(void)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    sigset_t none;

    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++)
        signal(SIGNALS[i], SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* whose end is not waited for */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Locks among them, which would be held for as long as this process is there. */
static void close_range_of(unsigned int first, unsigned int last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (unsigned int fd = first; fd <= last && fd < (unsigned int)sysconf(_SC_OPEN_MAX); fd++)
        fd_close((int)fd);
}

static void close_others(unsigned int low, unsigned int high)
{
    close_range_of(STDERR_FILENO + 1, low - 1);
    close_range_of(low + 1, high - 1);
    close_range_of(high + 1, ~0u);
}

static void say(int control, const struct server_word *word)
{
    send(control, word, sizeof(*word), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void server_say(const struct server *server, enum server_word_kind kind)
{
    const struct server_word word = {.kind = kind};

    say(server->control, &word);
}

/* Until the order to end. */
static enum server_order_kind obey(struct server *server)
{
    for (;;) {
        struct server_order order = {.kind = SERVER_STOP};
        if (recv(server->control, &order, sizeof(order), 0) < 0 && errno == EINTR)
            continue;
        if (order.kind != SERVER_RIGHTS)
            return order.kind;
        pthread_mutex_lock(&server->lock);
        server->rights = order.rights;
        pthread_mutex_unlock(&server->lock);
        server_say(server, SERVER_OBEYS);
    }
}

/* Until nobody waits any more, which takes as long as patience with silent peers lasts, or trafficd is no more. */
static void serve_the_rest(struct server *server, pid_t parent)
{
    static const struct timespec MOMENT = {.tv_nsec = 10000000};
    const uint64_t until = pool_now_ns() + SERVE_PATIENCE_NS;
    unsigned int waiting = 1;

    while (waiting > 0 && getppid() == parent && pool_now_ns() < until) {
        nanosleep(&MOMENT, NULL);
        pthread_mutex_lock(&server->lock);
        waiting = server->waiting.count;
        pthread_mutex_unlock(&server->lock);
    }
}

/* Closing may take its time, and is done by the end of the process. */
static void answer_waiting(struct server *server)
{
    const int32_t error = -ESHUTDOWN;
    struct connection connection;
    bool queued;

    pthread_mutex_lock(&server->lock);
    while (waiting_take_late(&server->waiting, UINT64_MAX, &connection, &queued)) {
        send(connection.fd, &error, sizeof(error), MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(connection.fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
}

/* Whoever connects from now on must not wait for as long as a thread is held up. */
static void end(struct server *server, enum server_order_kind order, pid_t parent)
{
    pool_stop_accepting(server);
    server->listener = fd_close(server->listener);
    if (order == SERVER_RETIRE)
        serve_the_rest(server, parent);
    answer_waiting(server);
    pool_stop(server);
    answer_waiting(server); /* who was put aside meanwhile */
}

void server_main(const struct settings *settings, bool has_tags, int listener, int control)
{
    static struct server server; /* threads that are held up may outlive this call */
    struct server_word word = {.kind = SERVER_FAILED};
    pid_t parent = getppid();

    take_no_signals();
    prctl(PR_SET_NAME, "trafficd-tags");
    close_others(listener < control ? listener : control, listener < control ? control : listener);
    init(&server, settings, has_tags, listener, control);
    word.error = set_up(&server, settings, &word.fault);
    if (word.error == 0) {
        server_say(&server, SERVER_READY);
        end(&server, obey(&server), parent);
        word.kind = SERVER_DONE;
    }
    say(control, &word);
    _exit(word.error < 0);
}
