/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "fd.h"

#define MOMENT_NS 100000
/* Without descriptors or memory for another connection. */
#define PAUSE_NS UINT64_C(100000000)

_Static_assert(TURNS_USERS >= POOL_WORKERS + POOL_CLOSERS + WAITING_MAX, "each of them may have another user's turn");

/* Under the lock. */
static int arm_connection(const struct server *server, struct connection *connection, uint64_t key)
{
    struct epoll_event what = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.u64 = key};

    if (epoll_ctl(server->epoll, connection->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection->fd, &what) < 0)
        return -errno;
    connection->polled = true;
    return 0;
}

static bool is_readable(int fd)
{
    struct pollfd what = {.fd = fd, .events = POLLIN};

    return poll(&what, 1, 0) > 0;
}

/* The first that has something to say, of which epoll tells; those before it wait like all others. NULL: nobody has. */
static struct connection *arm_queued(struct server *server, uid_t user)
{
    struct connection *next;
    uint64_t key;

    while ((next = waiting_unqueue(&server->waiting, user, &key)))
        if (arm_connection(server, next, key) == 0 && is_readable(next->fd))
            break;
    return next;
}

/* The next one has its turn from now on, or others of this user would come first, again and again. */
void serve_end_turn(struct server *server, uid_t user)
{
    pthread_mutex_lock(&server->lock);
    turns_end(&server->turns, user, pool_now_ns());
    struct connection *next = arm_queued(server, user);
    if (next)
        next->has_turn = turns_promise(&server->turns, user);
    if (server->short_of_room > 0)
        pthread_cond_signal(&server->room);
    pthread_mutex_unlock(&server->lock);
}

static void set_timer(int timer, uint64_t when_ns)
{
    const struct itimerspec when = {.it_value = pool_timespec(when_ns)};

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Under the lock. */
static void set_deadline(struct server *server, uint64_t when_ns)
{
    server->deadline_runs = when_ns > 0;
    if (when_ns > 0)
        set_timer(server->deadline, when_ns);
}

static void answer(const struct connection *connection, int32_t error)
{
    send(connection->fd, &error, sizeof(error), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * The turn ends with the connection, and with what the peer still had in its queue; or, if there is more to close than
 * an internet socket, with that: such a thing may be a file whose server never answers, or hold one in its queue.
 */
static void end_connection(struct server *server, struct connection *connection)
{
    uid_t user = connection->peer.user;

    connection->fd = fd_close(connection->fd);
    if (connection->descriptor >= 0) {
        if (pool_close_apart(server, connection->descriptor, user))
            return;
        connection->descriptor = fd_close(connection->descriptor);
    }
    serve_end_turn(server, user);
}

/* What was tagged is one; asking again would be a system call for each tag. */
static bool is_internet_socket(const struct connection *connection, const struct request *request, int error)
{
    if (connection->descriptor < 0)
        return false;
    return (request->kind == REQUEST_TAG && error == 0) || act_check_socket(connection->descriptor) == 0;
}

/* An internet socket is closed before the answer: whoever has it may look for the end of its tag right after. */
static void finish(struct server *server, struct connection *connection, const struct request *request)
{
    int error = act(server, connection, request);

    if (is_internet_socket(connection, request, error))
        connection->descriptor = fd_close(connection->descriptor);
    answer(connection, error);
    end_connection(server, connection);
}

static void take_turn_anyway(struct server *server, const struct connection *connection)
{
    pthread_mutex_lock(&server->lock);
    turns_force(&server->turns, connection->peer.user, pool_now_ns());
    pthread_mutex_unlock(&server->lock);
}

/* It is not ours alone to say how long closing it takes. */
static bool holds_something(const struct connection *connection)
{
    int unread = 0;

    return connection->descriptor >= 0 || ioctl(connection->fd, FIONREAD, &unread) < 0 || unread > 0;
}

/* Under the lock. A user who holds up threads already gets no further one. */
static bool keep(struct server *server, const struct connection *connection, uint64_t now_ns)
{
    return turns_are_held(&server->turns, connection->peer.user, now_ns) && holds_something(connection) &&
           kept_add(&server->kept, connection->fd, connection->descriptor);
}

/* Answer without having served. Before it is kept: from then on others may close it. */
static void refuse(struct server *server, struct connection *connection, int error)
{
    const struct request request = {.kind = REQUEST_ANSWER, .error = error};
    const uint64_t now = pool_now_ns();

    answer(connection, error);
    shutdown(connection->fd, SHUT_RDWR);
    pthread_mutex_lock(&server->lock);
    if (connection->has_turn)
        turns_begin(&server->turns, connection->peer.user, now);
    bool kept = keep(server, connection, now);
    if (!kept && !connection->has_turn)
        turns_force(&server->turns, connection->peer.user, now);
    pthread_mutex_unlock(&server->lock);
    if (!kept)
        finish(server, connection, &request);
    else if (connection->has_turn)
        serve_end_turn(server, connection->peer.user);
}

/* Somebody had to make room. */
struct surplus {
    bool any;
    struct connection connection;
};

/* Under the lock. A connection that epoll does not take, for want of memory, is answered when its time is over. */
static struct surplus put_aside(struct server *server, struct connection *connection, bool queued)
{
    struct surplus surplus;
    uint64_t key;

    surplus.any = waiting_add(&server->waiting, connection, queued, &key, &surplus.connection);
    if (!server->deadline_runs)
        set_deadline(server, waiting_deadline(&server->waiting));
    if (!queued)
        arm_connection(server, waiting_find(&server->waiting, key), key);
    return surplus;
}

/* Its user has no right to more, or has more than all others. */
static void refuse_surplus(struct server *server, struct surplus *surplus)
{
    if (surplus->any)
        refuse(server, &surplus->connection, -EAGAIN);
}

/* One too many: to be closed as carefully as the first. */
static void drop(struct server *server, const struct connection *connection, int descriptor)
{
    struct connection rest = {.fd = -1, .descriptor = descriptor, .peer = connection->peer};

    if (act_check_socket(descriptor) == 0) {
        fd_close(descriptor);
        return;
    }
    take_turn_anyway(server, &rest);
    end_connection(server, &rest);
}

static void take_descriptor(struct server *server, struct connection *connection, struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    int descriptor;

    connection->received.truncated |= (message->msg_flags & MSG_CTRUNC) != 0;
    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS ||
        control->cmsg_len != CMSG_LEN(sizeof(descriptor)))
        return;
    memcpy(&descriptor, CMSG_DATA(control), sizeof(descriptor));
    connection->received.descriptors++;
    if (connection->descriptor < 0)
        connection->descriptor = descriptor;
    else
        drop(server, connection, descriptor);
}

/* There is room for one descriptor, so that no peer can fill the table; the kernel drops the others at once. */
static struct request receive(struct server *server, struct connection *connection)
{
    struct request_received *received = &connection->received;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec room = {received->bytes + received->length, sizeof(received->bytes) - received->length};
    struct msghdr message = {
        .msg_iov = &room, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(sizeof(int))};

    ssize_t got = recvmsg(connection->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        return (struct request){.kind = REQUEST_ANSWER, .error = -errno};
    if (got > 0) {
        received->length += got;
        take_descriptor(server, connection, &message);
    }
    return request_judge(received, got == 0 ? REQUEST_CLOSED : REQUEST_OPEN);
}

/*
 * Most clients are about to send when they are accepted: waiting for a moment is cheaper than putting them aside. Not
 * for users who have others that are silent.
 */
static bool comes_soon(struct server *server, const struct connection *connection)
{
    static const struct timespec MOMENT = {.tv_nsec = MOMENT_NS};
    struct pollfd what = {.fd = connection->fd, .events = POLLIN};

    if (connection->polled || connection->received.length > 0)
        return false;
    pthread_mutex_lock(&server->lock);
    bool known = waiting_has(&server->waiting, connection->peer.user);
    pthread_mutex_unlock(&server->lock);
    return !known && ppoll(&what, 1, &MOMENT, NULL) > 0;
}

static void receive_and_finish(struct server *server, struct connection *connection)
{
    struct request request = receive(server, connection);
    struct surplus surplus;

    if (request.kind == REQUEST_WAIT && comes_soon(server, connection))
        request = receive(server, connection);
    if (request.kind != REQUEST_WAIT) {
        finish(server, connection, &request);
        return;
    }
    pthread_mutex_lock(&server->lock);
    surplus = put_aside(server, connection, false);
    pthread_mutex_unlock(&server->lock);
    serve_end_turn(server, connection->peer.user);
    refuse_surplus(server, &surplus);
}

/* Under the lock. */
static enum turns_answer take_turn(struct server *server, struct connection *connection)
{
    const uint64_t now = pool_now_ns();

    if (!connection->has_turn)
        return turns_take(&server->turns, connection->peer.user, now);
    connection->has_turn = false;
    turns_begin(&server->turns, connection->peer.user, now);
    return TURNS_TAKEN;
}

static void serve(struct server *server, struct connection *connection)
{
    struct surplus surplus = {0};

    pthread_mutex_lock(&server->lock);
    enum turns_answer turn = take_turn(server, connection);
    if (turn == TURNS_LATER)
        surplus = put_aside(server, connection, true);
    pthread_mutex_unlock(&server->lock);
    if (turn == TURNS_TAKEN)
        receive_and_finish(server, connection);
    else if (turn == TURNS_STUCK)
        refuse(server, connection, -EAGAIN);
    else
        refuse_surplus(server, &surplus);
}

static bool is_shortage(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS;
}

/* Until a connection ends, or a moment has passed. */
static void wait_for_room(struct server *server)
{
    const struct timespec end = pool_timespec(pool_now_ns() + PAUSE_NS);

    pthread_mutex_lock(&server->lock);
    server->short_of_room++;
    pthread_cond_timedwait(&server->room, &server->lock, &end);
    server->short_of_room--;
    pthread_mutex_unlock(&server->lock);
}

int serve_accept(struct server *server)
{
    int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);

    if (connection < 0 && is_shortage(errno))
        wait_for_room(server);
    return connection;
}

void serve_new(struct server *server, int fd, uint64_t now_ns)
{
    struct connection connection = {.fd = fd, .descriptor = -1, .deadline_ns = now_ns + SERVE_PATIENCE_NS};
    int r = peer_ask(fd, &server->folding, &connection.peer);

    if (r < 0)
        refuse(server, &connection, r);
    else
        serve(server, &connection);
}

void serve_give_up(struct server *server, uint64_t now_ns)
{
    uid_t user;

    for (size_t at = 0; turns_stuck(&server->turns, now_ns, &at, &user);)
        waiting_give_up(&server->waiting, user);
    uint64_t first = waiting_deadline(&server->waiting);
    if (first > 0 && first <= now_ns)
        set_deadline(server, first);
}

static void end_late(struct server *server)
{
    struct epoll_event next = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = SERVER_DEADLINE};
    struct connection connection;
    bool queued = false;
    uint64_t ticks;

    pthread_mutex_lock(&server->lock);
    bool late = read(server->deadline, &ticks, sizeof(ticks)) > 0 &&
                waiting_take_late(&server->waiting, pool_now_ns(), &connection, &queued);
    set_deadline(server, waiting_deadline(&server->waiting));
    pthread_mutex_unlock(&server->lock);
    /* The next one is for another thread: this one may be held up. */
    epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->deadline, &next);
    if (late)
        refuse(server, &connection, queued ? -EAGAIN : request_judge(&connection.received, REQUEST_LATE).error);
}

static void go_on(struct server *server, uint64_t key)
{
    struct connection connection;

    pthread_mutex_lock(&server->lock);
    bool here = waiting_take(&server->waiting, key, &connection);
    pthread_mutex_unlock(&server->lock);
    if (here)
        serve(server, &connection);
}

void serve_event(struct server *server, uint64_t event)
{
    if (event == SERVER_DEADLINE)
        end_late(server);
    else
        go_on(server, event);
}
