/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "fd.h"

#define NS_PER_SEC UINT64_C(1000000000)
/* For a whole message, from when the connection was accepted. */
#define PATIENCE_NS UINT64_C(5000000000)
#define MOMENT_NS 100000
/* Without descriptors or memory for another connection. */
#define PAUSE_NS UINT64_C(100000000)

/* Under the lock. */
static int arm_connection(const struct fwmarkd *fwmarkd, struct connection *connection, uint64_t key)
{
    struct epoll_event what = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.u64 = key};

    if (epoll_ctl(fwmarkd->epoll, connection->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection->fd, &what) < 0)
        return -errno;
    connection->polled = true;
    return 0;
}

static bool is_readable(int fd)
{
    struct pollfd what = {.fd = fd, .events = POLLIN};

    return poll(&what, 1, 0) > 0;
}

/* One that has something to say takes the turn when epoll tells of it; those before it wait like all others. */
static void arm_queued(struct fwmarkd *fwmarkd, uid_t user)
{
    struct connection *next;
    uint64_t key;

    while ((next = waiting_unqueue(&fwmarkd->waiting, user, &key)))
        if (arm_connection(fwmarkd, next, key) == 0 && is_readable(next->fd))
            return;
}

void serve_end_turn(struct fwmarkd *fwmarkd, uid_t user)
{
    turns_end(&fwmarkd->turns, user, pool_now_ns());
    arm_queued(fwmarkd, user);
    if (fwmarkd->short_of_room > 0)
        pthread_cond_signal(&fwmarkd->room);
}

static void end_turn(struct fwmarkd *fwmarkd, uid_t user)
{
    pthread_mutex_lock(&fwmarkd->lock);
    serve_end_turn(fwmarkd, user);
    pthread_mutex_unlock(&fwmarkd->lock);
}

static void set_timer(int timer, uint64_t when_ns)
{
    const struct itimerspec when = {.it_value = {when_ns / NS_PER_SEC, when_ns % NS_PER_SEC}};

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Under the lock. */
static void set_deadline(struct fwmarkd *fwmarkd, uint64_t when_ns)
{
    fwmarkd->deadline_runs = when_ns > 0;
    if (when_ns > 0)
        set_timer(fwmarkd->deadline, when_ns);
}

static void answer(const struct connection *connection, int32_t error)
{
    send(connection->fd, &error, sizeof(error), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * The turn ends with the connection, and with what the peer still had in its queue; or, if there is more to close than
 * an internet socket, with that: such a thing may be a file whose server never answers, or hold one in its queue.
 */
static void end_connection(struct fwmarkd *fwmarkd, struct connection *connection)
{
    uid_t user = connection->peer.user;

    connection->fd = fd_close(connection->fd);
    if (connection->descriptor >= 0) {
        if (pool_close_apart(fwmarkd, connection->descriptor, user))
            return;
        connection->descriptor = fd_close(connection->descriptor);
    }
    end_turn(fwmarkd, user);
}

/* At the stop nothing is changed any more: the tags may be closed already. */
static int handle(struct fwmarkd *fwmarkd, const struct connection *connection, const struct request *request)
{
    if (atomic_load(&fwmarkd->stopping))
        return -ESHUTDOWN;
    return act(fwmarkd, connection, request);
}

/* What was tagged is one; asking again would be a system call for each tag. */
static bool is_internet_socket(const struct connection *connection, const struct request *request, int error)
{
    if (connection->descriptor < 0)
        return false;
    return (request->kind == REQUEST_TAG && error == 0) || act_check_socket(connection->descriptor) == 0;
}

/* An internet socket is closed before the answer: whoever has it may look for the end of its tag right after. */
static void finish(struct fwmarkd *fwmarkd, struct connection *connection, const struct request *request)
{
    int error = handle(fwmarkd, connection, request);

    if (is_internet_socket(connection, request, error))
        connection->descriptor = fd_close(connection->descriptor);
    answer(connection, error);
    end_connection(fwmarkd, connection);
}

static void take_turn_anyway(struct fwmarkd *fwmarkd, const struct connection *connection)
{
    pthread_mutex_lock(&fwmarkd->lock);
    turns_force(&fwmarkd->turns, connection->peer.user, pool_now_ns());
    pthread_mutex_unlock(&fwmarkd->lock);
}

/*
 * The answer, and with it what would be closed here: it is in the peer's queue, so that none of it ends with this
 * process's descriptor, but with the peer's own. Whoever reads four bytes never sees it. -EPIPE: the peer is gone.
 */
static int answer_and_give_back(const struct connection *connection, int32_t error)
{
    const int fds[] = {connection->fd, connection->descriptor};
    const size_t size = connection->descriptor < 0 ? sizeof(*fds) : sizeof(fds);
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {0};
    struct iovec bytes = {&error, sizeof(error)};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(head), fds, size);
    return sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * Answer without having served, and without waiting for anything. What cannot be given back is closed as what was
 * served is.
 */
static void refuse(struct fwmarkd *fwmarkd, struct connection *connection, int error)
{
    if (answer_and_give_back(connection, error) == 0) {
        shutdown(connection->fd, SHUT_RDWR);
        fd_close(connection->fd);
        fd_close(connection->descriptor);
        return;
    }
    const struct request request = {.kind = REQUEST_ANSWER, .error = error};
    take_turn_anyway(fwmarkd, connection);
    finish(fwmarkd, connection, &request);
}

/* Somebody had to make room. */
struct surplus {
    bool any;
    struct connection connection;
};

/* Under the lock. A connection that epoll does not take, for want of memory, is answered when its time is over. */
static struct surplus put_aside(struct fwmarkd *fwmarkd, struct connection *connection, bool queued)
{
    struct surplus surplus;
    uint64_t key;

    surplus.any = waiting_add(&fwmarkd->waiting, connection, queued, &key, &surplus.connection);
    if (!fwmarkd->deadline_runs)
        set_deadline(fwmarkd, waiting_deadline(&fwmarkd->waiting));
    if (!queued)
        arm_connection(fwmarkd, waiting_find(&fwmarkd->waiting, key), key);
    return surplus;
}

/* The peer has no right to more; a silent one makes room for one that speaks. */
static void refuse_surplus(struct fwmarkd *fwmarkd, struct surplus *surplus)
{
    if (surplus->any)
        refuse(fwmarkd, &surplus->connection, -EAGAIN);
}

/* One too many: to be closed as carefully as the first. */
static void drop(struct fwmarkd *fwmarkd, const struct connection *connection, int descriptor)
{
    struct connection rest = {.fd = -1, .descriptor = descriptor, .peer = connection->peer};

    if (act_check_socket(descriptor) == 0) {
        fd_close(descriptor);
        return;
    }
    take_turn_anyway(fwmarkd, &rest);
    end_connection(fwmarkd, &rest);
}

static void take_descriptor(struct fwmarkd *fwmarkd, struct connection *connection, struct msghdr *message)
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
        drop(fwmarkd, connection, descriptor);
}

/* There is room for one descriptor, so that no peer can fill the table; the kernel drops the others at once. */
static struct request receive(struct fwmarkd *fwmarkd, struct connection *connection)
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
        take_descriptor(fwmarkd, connection, &message);
    }
    return request_judge(received, got == 0 ? REQUEST_CLOSED : REQUEST_OPEN);
}

/*
 * Most clients are about to send when they are accepted: waiting for a moment is cheaper than putting them aside. Not
 * for users who have others that are silent.
 */
static bool comes_soon(struct fwmarkd *fwmarkd, const struct connection *connection)
{
    static const struct timespec MOMENT = {.tv_nsec = MOMENT_NS};
    struct pollfd what = {.fd = connection->fd, .events = POLLIN};

    if (connection->polled || connection->received.length > 0)
        return false;
    pthread_mutex_lock(&fwmarkd->lock);
    bool known = waiting_has(&fwmarkd->waiting, connection->peer.user);
    pthread_mutex_unlock(&fwmarkd->lock);
    return !known && ppoll(&what, 1, &MOMENT, NULL) > 0;
}

static void receive_and_finish(struct fwmarkd *fwmarkd, struct connection *connection)
{
    struct request request = receive(fwmarkd, connection);
    struct surplus surplus;

    if (request.kind == REQUEST_WAIT && comes_soon(fwmarkd, connection))
        request = receive(fwmarkd, connection);
    if (request.kind != REQUEST_WAIT) {
        finish(fwmarkd, connection, &request);
        return;
    }
    pthread_mutex_lock(&fwmarkd->lock);
    surplus = put_aside(fwmarkd, connection, false);
    serve_end_turn(fwmarkd, connection->peer.user);
    pthread_mutex_unlock(&fwmarkd->lock);
    refuse_surplus(fwmarkd, &surplus);
}

static void serve(struct fwmarkd *fwmarkd, struct connection *connection)
{
    struct surplus surplus = {0};

    pthread_mutex_lock(&fwmarkd->lock);
    enum turns_answer turn = turns_take(&fwmarkd->turns, connection->peer.user, pool_now_ns());
    if (turn == TURNS_LATER)
        surplus = put_aside(fwmarkd, connection, true);
    pthread_mutex_unlock(&fwmarkd->lock);
    if (turn == TURNS_TAKEN)
        receive_and_finish(fwmarkd, connection);
    else if (turn == TURNS_STUCK)
        refuse(fwmarkd, connection, -EAGAIN);
    else
        refuse_surplus(fwmarkd, &surplus);
}

static bool is_shortage(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS;
}

/* Until a connection ends, or a moment has passed. */
static void wait_for_room(struct fwmarkd *fwmarkd)
{
    const uint64_t until = pool_now_ns() + PAUSE_NS;
    const struct timespec end = {until / NS_PER_SEC, until % NS_PER_SEC};

    pthread_mutex_lock(&fwmarkd->lock);
    fwmarkd->short_of_room++;
    pthread_cond_timedwait(&fwmarkd->room, &fwmarkd->lock, &end);
    fwmarkd->short_of_room--;
    pthread_mutex_unlock(&fwmarkd->lock);
}

int serve_accept(struct fwmarkd *fwmarkd)
{
    int connection = accept4(fwmarkd->listener.fd, NULL, NULL, SOCK_CLOEXEC);

    if (connection < 0 && is_shortage(errno))
        wait_for_room(fwmarkd);
    return connection;
}

void serve_new(struct fwmarkd *fwmarkd, int fd, uint64_t now_ns)
{
    struct connection connection = {.fd = fd, .descriptor = -1, .deadline_ns = now_ns + PATIENCE_NS};
    int r = peer_ask(fd, &fwmarkd->folding, &connection.peer);

    if (r < 0)
        refuse(fwmarkd, &connection, r);
    else
        serve(fwmarkd, &connection);
}

void serve_give_up(struct fwmarkd *fwmarkd, uint64_t now_ns)
{
    uid_t user;

    for (size_t at = 0; turns_stuck(&fwmarkd->turns, now_ns, &at, &user);)
        waiting_give_up(&fwmarkd->waiting, user);
    uint64_t first = waiting_deadline(&fwmarkd->waiting);
    if (first > 0 && first <= now_ns)
        set_deadline(fwmarkd, first);
}

static void end_late(struct fwmarkd *fwmarkd)
{
    struct epoll_event next = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = SERVER_DEADLINE};
    struct connection connection;
    bool queued = false;
    uint64_t ticks;

    pthread_mutex_lock(&fwmarkd->lock);
    bool late = read(fwmarkd->deadline, &ticks, sizeof(ticks)) > 0 &&
                waiting_take_late(&fwmarkd->waiting, pool_now_ns(), &connection, &queued);
    set_deadline(fwmarkd, waiting_deadline(&fwmarkd->waiting));
    pthread_mutex_unlock(&fwmarkd->lock);
    /* The next one is for another thread: this one may be held up. */
    epoll_ctl(fwmarkd->epoll, EPOLL_CTL_MOD, fwmarkd->deadline, &next);
    if (late)
        refuse(fwmarkd, &connection, queued ? -EAGAIN : request_judge(&connection.received, REQUEST_LATE).error);
}

static void go_on(struct fwmarkd *fwmarkd, uint64_t key)
{
    struct connection connection;

    pthread_mutex_lock(&fwmarkd->lock);
    bool here = waiting_take(&fwmarkd->waiting, key, &connection);
    pthread_mutex_unlock(&fwmarkd->lock);
    if (here)
        serve(fwmarkd, &connection);
}

void serve_event(struct fwmarkd *fwmarkd, uint64_t event)
{
    if (event == SERVER_DEADLINE)
        end_late(fwmarkd);
    else
        go_on(fwmarkd, event);
}
