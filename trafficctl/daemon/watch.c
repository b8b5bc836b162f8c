/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"

/*
 * A signal that does nothing but end what its thread waits for when it receives or closes something, as far as a signal
 * can. Not a real-time one: those would pile up at a thread that cannot be woken.
 */
#define NUDGE_SIGNAL SIGURG
/* Who is at one thing for longer gets one, and again until that is done. An honest request takes a tenth of it. */
#define NUDGE_NS UINT64_C(500000)
/* Who is at one thing for so long is asked whether it sleeps. */
#define DOUBT_NS UINT64_C(100000)
/* Who is at it for longer even so does not wake up: another thread takes over. */
#define LATE_NS UINT64_C(5000000)
/* How often those are nudged, and everything else is looked after. */
#define THOROUGH_MS 25
/* So many that do not wake up are enough for one process. */
#define MAX_LATE 64
/* So many kept descriptors are left to another process at once. */
#define MANY_KEPT 64
/* So long after somebody was held up, all accept. */
#define ALARM_NS UINT64_C(1000000000)
/* Of the text that says how a thread is. */
#define STATUS_LEN 4096
/* Looks without anything to see before it waits to be called: being called costs more than a few looks. */
#define QUIET_LOOKS 40

static void nudged(int signal)
{
    (void)signal;
}

void watch_prepare(void)
{
    const struct sigaction action = {.sa_handler = nudged};

    sigaction(NUDGE_SIGNAL, &action, NULL);
}

void watch_accept_nudges(struct pool_watched *watched)
{
    sigset_t nudges;

    sigemptyset(&nudges);
    sigaddset(&nudges, NUDGE_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &nudges, NULL);
    atomic_store(&watched->thread, gettid());
}

void watch_nudge(const struct pool_watched *watched)
{
    int thread = atomic_load(&watched->thread);

    if (thread > 0)
        syscall(SYS_tgkill, getpid(), thread, NUDGE_SIGNAL);
}

/* Either this sees that nobody watches, or who is about to stop watching sees this. */
void watch_begin(struct pool *pool, struct pool_watched *watched, uint64_t now_ns)
{
    const uint64_t one = 1;

    atomic_store(&watched->since_ns, now_ns);
    if (!atomic_load(&pool->is_watched) && !atomic_exchange(&pool->is_watched, true) &&
        write(pool->wake, &one, sizeof(one)) < 0)
        atomic_store(&pool->is_watched, false);
}

void watch_end(struct pool_watched *watched)
{
    atomic_store(&watched->since_ns, 0);
}

/* What one look has seen. */
struct look {
    unsigned int busy;   /* threads */
    unsigned int late;   /* of these, for too long */
    bool to_be_relieved; /* one of them has just become so */
    bool asks;           /* whether one is held up; it costs as much as all the rest */
    bool held_up;        /* one of them by what a peer did, not for that long */
};

/* False: it is not said. */
static bool read_status(int thread, char text[static STATUS_LEN])
{
    char path[48];

    snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, STATUS_LEN - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return true;
}

/*
 * Does the thread wait for anything but a CPU, or has it since it was first asked at this thing? Who never did is held
 * up by nobody, however long it takes; who was woken by a signal may have no CPU yet. Asked before such a signal is
 * sent. Who cannot be asked waits.
 */
static bool has_slept(struct pool_watched *watched, uint64_t since_ns)
{
    static const char SLEEPS[] = "\nvoluntary_ctxt_switches:";
    char text[STATUS_LEN];
    const char *sleeps;

    if (!read_status(atomic_load(&watched->thread), text) || !(sleeps = strstr(text, SLEEPS)))
        return true;
    unsigned long count = strtoul(sleeps + strlen(SLEEPS), NULL, 10);
    if (watched->asked_ns != since_ns)
        watched->sleeps = strstr(text, "\nState:\tR") ? count : count - 1; /* it is asleep, which is counted */
    watched->asked_ns = since_ns;
    return watched->sleeps != count;
}

/* A thorough look is for those that are late too. True: it is at one thing for long. */
static bool look_at(struct pool_watched *watched, uint64_t now_ns, bool thorough, struct look *look)
{
    uint64_t since = atomic_load(&watched->since_ns);
    bool late = since > 0 && now_ns > since + LATE_NS;
    bool held_up = since > 0 && now_ns > since + NUDGE_NS;

    look->busy += since > 0;
    look->late += late;
    if (look->asks && since > 0 && now_ns > since + DOUBT_NS && !late && has_slept(watched, since) && held_up) {
        look->held_up = true;
        look->asks = false;
    }
    if (held_up && (thorough || !late))
        watch_nudge(watched);
    return held_up;
}

static void look_at_worker(struct pool_worker *worker, uint64_t now_ns, bool thorough, struct look *look)
{
    unsigned int late = look->late;

    if (look_at(&worker->watched, now_ns, thorough, look))
        pool_relieve(worker);
    look->to_be_relieved |= look->late > late && !atomic_load(&worker->replaced);
}

static struct look look_around(struct pool *pool, uint64_t now_ns, bool thorough, bool asks)
{
    struct look look = {.asks = asks};

    for (size_t i = 0; i < POOL_WORKERS; i++)
        look_at_worker(&pool->workers[i], now_ns, thorough, &look);
    for (size_t i = 0; i < POOL_CLOSERS; i++)
        look_at(&pool->closers[i].watched, now_ns, thorough, &look);
    return look;
}

/* Those that are late are not waited for. */
static bool is_quiet(const struct look *look)
{
    return look->busy == look->late;
}

/* Until somebody begins something, or the late ones are to be looked at again. */
static void wait_for_call(struct pool *pool, bool all_is_well)
{
    struct pollfd call = {.fd = pool->wake, .events = POLLIN};
    uint64_t calls;

    atomic_store(&pool->is_watched, false);
    const struct look look = look_around(pool, pool_now_ns(), false, false);
    if (is_quiet(&look) && poll(&call, 1, all_is_well && look.busy == 0 ? -1 : THOROUGH_MS) > 0 &&
        read(pool->wake, &calls, sizeof(calls)) < 0)
        return; /* the next call will be one more */
    atomic_store(&pool->is_watched, true);
}

/* *calm_ns: when it ends; 0: there is none. */
static void raise_alarm(struct server *server, const struct look *look, uint64_t now_ns, uint64_t *calm_ns)
{
    bool was_raised = *calm_ns > 0;

    if (look->held_up)
        *calm_ns = now_ns + ALARM_NS;
    else if (now_ns > *calm_ns)
        *calm_ns = 0;
    if (was_raised != (*calm_ns > 0))
        pool_set_alarm(server, *calm_ns > 0);
}

/* What cannot be left to another process now is so later. */
static void leave_kept(struct server *server, bool thorough)
{
    pthread_mutex_lock(&server->lock);
    if (server->kept.count >= (thorough ? 1 : MANY_KEPT))
        kept_leave(&server->kept);
    pthread_mutex_unlock(&server->lock);
}

void watch_all(struct server *server)
{
    const struct timespec soon = {.tv_nsec = NUDGE_NS};
    struct pool *pool = &server->pool;
    uint64_t thorough_ns = 0, calm_ns = 0;
    unsigned int quiet = 0;
    bool all_are_there = true;

    while (!atomic_load(&server->stopping)) {
        uint64_t now = pool_now_ns();
        bool thorough = now >= thorough_ns;
        const struct look look = look_around(pool, now, thorough, now + ALARM_NS / 2 > calm_ns);
        if (thorough || look.to_be_relieved)
            all_are_there = pool_replace(server, now - LATE_NS);
        if (thorough) {
            if (look.late > MAX_LATE)
                server_say(server, SERVER_FULL);
            thorough_ns = now + THOROUGH_MS * UINT64_C(1000000);
        }
        leave_kept(server, thorough);
        raise_alarm(server, &look, now, &calm_ns);
        quiet = is_quiet(&look) ? quiet + 1 : 0;
        if (quiet > QUIET_LOOKS)
            wait_for_call(pool, all_are_there && calm_ns == 0);
        else
            nanosleep(&soon, NULL);
    }
}
