/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hostile.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define ATTACKERS 64
#define HONEST 2
#define STOP_MS 3000 /* trafficd stops within 1 s */
#define WARM_UP 50

/* What an honest client met with; shared with the test. */
struct honest {
    bool may_be_refused;
    unsigned requests, refused;
    uint64_t worst_ms;
    const char *wrong; /* the first request that was not answered right */
    int wrong_result;  /* of the request; the reply when 0 */
    int32_t wrong_reply;
};

/* Of one process, or of several. */
struct usage {
    unsigned fds, threads, children;
};

struct usages {
    struct usage trafficd, server; /* what serves the socket is a child of trafficd's */
};

#define SERVERS 32 /* that trafficd has had, and a test has left behind */

static struct {
    struct actor attacker[ATTACKERS];
    size_t attackers;
    struct actor client[HONEST];
    struct honest *honest; /* HONEST of them */
    struct usages before;
    int left[SERVERS]; /* pidfds of processes that served for a trafficd that is no more */
    size_t left_behind;
} siege;

/* -- honest clients -- */

struct request {
    const char *name;
    struct message message;
    bool with_fd;
    int32_t reply;
};

static const struct request REQUESTS[] = {
    {"tag", {.id = FWMARK_TAG, .uid = FWMARK_CALLER, .info = 1}, true, 0},
    {"tag anew", {.id = FWMARK_TAG, .uid = FWMARK_CALLER, .info = 2}, true, 0},
    {"untag", {.id = FWMARK_UNTAG}, true, 0},
    {"untag what is not tagged", {.id = FWMARK_UNTAG}, true, -ENOENT},
    {"tag for another", {.id = FWMARK_TAG, .uid = 1, .info = 1}, true, -EPERM},
    {"tag nothing", {.id = FWMARK_TAG, .uid = FWMARK_CALLER, .info = 1}, false, -EBADF},
    {"another UID's counter set", {.id = FWMARK_COUNTER_SET, .uid = 1, .info = 1}, false, -EPERM},
    {"tag and close", {.id = FWMARK_TAG, .uid = FWMARK_CALLER, .info = 3}, true, 0},
};

static void honest_note(struct honest *honest, const char *what, int result, int32_t reply)
{
    if (honest->wrong)
        return;
    honest->wrong_result = result;
    honest->wrong_reply = reply;
    honest->wrong = what;
}

/* False: it was refused, as it may be. */
static bool honest_request(const struct request *request, int fd, struct honest *honest)
{
    uint64_t start = clock_ms(), took;
    int32_t reply = 0;
    int r = ask(&request->message, request->with_fd ? fd : -1, &reply);

    took = clock_ms() - start;
    if (took > honest->worst_ms)
        honest->worst_ms = took;
    honest->requests++;
    if (r == 0 && reply == -EAGAIN && honest->may_be_refused) {
        honest->refused++;
        return false;
    }
    if (r < 0 || reply != request->reply)
        honest_note(honest, request->name, r, reply);
    return true;
}

/* What follows a refused request would be answered otherwise. */
static int honest_cycle(struct honest *honest)
{
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    for (size_t i = 0; i < ARRAY_SIZE(REQUESTS) && honest_request(&REQUESTS[i], fd, honest); i++)
        ;
    return 0;
}

/* A word over the channel asks for so many requests more and is answered then; 0: stop until the next word. */
static int honest_client(int channel, void *arg)
{
    struct honest *honest = arg;
    unsigned until = 0;
    int r = 0;

    while (r == 0) {
        uint64_t word;
        ssize_t n = recv(channel, &word, sizeof(word), MSG_DONTWAIT);

        if (n == 0)
            return 0;
        if (n > 0 && word == 0)
            r = say_word(channel) ?: wait_for_go(channel);
        else if (n > 0)
            until = honest->requests + (unsigned)word;
        r = r ?: honest_cycle(honest);
        if (until && honest->requests >= until) {
            until = 0;
            r = r ?: say_word(channel);
        }
    }
    return r;
}

static void honest_word(uint64_t word)
{
    for (size_t i = 0; i < HONEST; i++)
        assert_int_equal(channel_send(siege.client[i].channel, word), 0);
}

static void honest_wait(void)
{
    for (size_t i = 0; i < HONEST; i++)
        assert_int_equal(wait_for_go(siege.client[i].channel), 0);
}

void honest_go_on(unsigned requests)
{
    honest_word(requests);
    honest_wait();
}

void hostile_may_refuse_namesake(void)
{
    siege.honest[0].may_be_refused = true;
}

static void honest_check(const struct honest *honest)
{
    const char *who = honest == siege.honest ? "the attackers' namesake" : "another user";

    if (honest->wrong)
        fail_msg("%s: '%s' met with result %d, reply %d", who, honest->wrong, honest->wrong_result,
                 honest->wrong_reply);
    if (honest->worst_ms > HONEST_MS)
        fail_msg("%s waited %lu ms for an answer", who, honest->worst_ms);
    assert_true(honest->requests > honest->refused);
}

/* -- trafficd -- */

/* An entry of a folder of /proc. */
typedef unsigned (*count_fn)(const char *folder, const char *name);

/* 0: the process has ended, as servers do that are replaced. */
static unsigned count_in(pid_t pid, const char *what, count_fn count)
{
    char folder[64];
    unsigned sum = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(folder, sizeof(folder), "/proc/%d/%s", pid, what);
    dir = opendir(folder);
    if (!dir)
        return 0;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            sum += count(folder, entry->d_name);
    closedir(dir);
    return sum;
}

static unsigned count_one(const char *folder, const char *name)
{
    (void)folder;
    (void)name;
    return 1;
}

/* Of one thread, those that nobody has waited for among them. */
static unsigned count_children(const char *folder, const char *name)
{
    _cleanup_free_ char *text = NULL;
    char path[128];
    unsigned count = 0;

    snprintf(path, sizeof(path), "%s/%.16s/children", folder, name);
    if (fd_read_file(path, 65536, &text) < 0)
        return 0;
    for (const char *at = text; *at; at++)
        count += *at == ' ';
    return count;
}

static void add_usage(pid_t pid, struct usage *usage)
{
    usage->fds += count_in(pid, "fd", count_one);
    usage->threads += count_in(pid, "task", count_one);
    usage->children += count_in(pid, "task", count_children);
}

/* The processes that serve for trafficd, also those that another one has replaced and that cannot end yet. */
static size_t servers(pid_t *pids)
{
    _cleanup_free_ char *text = NULL;
    char path[64];
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", the_world->daemon, the_world->daemon);
    assert_int_equal(fd_read_file(path, 65536, &text), 0);
    for (char *at = text, *end; *at && count < SERVERS; at = end + 1)
        pids[count++] = (pid_t)strtol(at, &end, 10);
    return count;
}

static struct usages usage(void)
{
    struct usages now = {0};
    pid_t pids[SERVERS];
    size_t count = servers(pids);

    add_usage(the_world->daemon, &now.trafficd);
    for (size_t i = 0; i < count; i++)
        add_usage(pids[i], &now.server);
    return now;
}

/* As many children as before: trafficd has none for a second after the end of the one that serves. */
static bool is_as_before(const struct usage *now, const struct usage *before)
{
    return now->fds <= before->fds && now->threads <= before->threads && now->children == before->children;
}

/* Until trafficd has nothing more than before; its connections end a moment after their replies. */
static void settle(void)
{
    const struct usage *of = &siege.before.trafficd, *by = &siege.before.server;
    uint64_t start = clock_ms();

    for (;;) {
        struct usages now = usage();
        size_t rows = map_rows(the_world, "traffic_cookie_tag_map");

        if (is_as_before(&now.trafficd, of) && is_as_before(&now.server, by) && rows == 0)
            return;
        if (clock_ms() - start > CUT_OFF_MS)
            fail_msg("descriptors, threads, children: trafficd %u, %u, %u (before: %u, %u, %u), what serves for it "
                     "%u, %u, %u (before: %u, %u, %u); %zu tags",
                     now.trafficd.fds, now.trafficd.threads, now.trafficd.children, of->fds, of->threads, of->children,
                     now.server.fds, now.server.threads, now.server.children, by->fds, by->threads, by->children, rows);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* Those of the trafficd that is about to end; they may have ended by now. */
static void leave_servers_behind(void)
{
    pid_t pids[SERVERS];
    size_t count = servers(pids);

    for (size_t i = 0; i < count && siege.left_behind < SERVERS; i++) {
        int pidfd = pidfd_open(pids[i], 0);
        if (pidfd >= 0)
            siege.left[siege.left_behind++] = pidfd;
    }
}

/* None of them is there for longer than what a peer holds it up with. */
static void servers_end(void)
{
    for (; siege.left_behind > 0; siege.left_behind--) {
        int *pidfd = &siege.left[siege.left_behind - 1];
        struct pollfd end = {.fd = *pidfd, .events = POLLIN};
        int ended = poll(&end, 1, CUT_OFF_MS);

        *pidfd = fd_close(*pidfd);
        if (ended != 1)
            fail_msg("a process that served for a trafficd that has ended does not end");
    }
}

/* Both within the promise, whatever holds up the process that serves: that is left behind. */
static int trafficd_end(int signal_number)
{
    _cleanup_fd_ int pidfd = pidfd_open(the_world->daemon, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    int status = 0;

    assert_true(pidfd >= 0);
    leave_servers_behind();
    assert_return_code(kill(the_world->daemon, signal_number), errno);
    if (poll(&end, 1, STOP_MS) != 1)
        fail_msg("trafficd does not end");
    assert_int_equal(waitpid(the_world->daemon, &status, 0), the_world->daemon);
    the_world->daemon = 0;
    return status;
}

static void honest_pause(void)
{
    honest_word(0);
    honest_wait();
}

static void trafficd_start(unsigned open_files)
{
    the_world->open_files = open_files;
    assert_int_equal(world_start_daemon(the_world), 0);
    the_world->open_files = 0;
}

void trafficd_restart(unsigned open_files)
{
    int status;

    honest_pause();
    status = trafficd_end(SIGTERM);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    trafficd_start(open_files);
    honest_word(1);
}

void trafficd_killed(void)
{
    honest_pause();
    trafficd_end(SIGKILL);
    trafficd_start(0);
    honest_word(1);
}

/* -- attackers -- */

void hostile_start(uid_t uid, actor_fn fn, void *arg)
{
    assert_true(siege.attackers < ATTACKERS);
    assert_int_equal(actor_start(the_world, PLACE_A, uid, fn, arg, &siege.attacker[siege.attackers]), 0);
    siege.attackers++;
}

void hostile_wait(void)
{
    for (size_t i = 0; i < siege.attackers; i++) {
        int r = wait_for_go(siege.attacker[i].channel);

        /* its own result says more */
        if (r == -EPIPE)
            r = actor_wait(&siege.attacker[i]) ?: r;
        if (r < 0)
            fail_msg("attacker %zu: %s", i, strerror(-r));
    }
}

void hostile_go(void)
{
    for (size_t i = 0; i < siege.attackers; i++)
        assert_int_equal(channel_send(siege.attacker[i].channel, 1), 0);
}

static void end_of(struct actor *actor)
{
    if (actor->pid > 0) {
        kill(actor->pid, SIGKILL);
        actor_wait(actor);
    }
}

void hostile_kill(void)
{
    while (siege.attackers > 0)
        end_of(&siege.attacker[--siege.attackers]);
}

/* The last first: each holds the ends of all channels that were there before it. */
void hostile_end(void)
{
    for (; siege.attackers > 0; siege.attackers--) {
        int r = actor_wait(&siege.attacker[siege.attackers - 1]);

        if (r < 0)
            fail_msg("attacker %zu: %s", siege.attackers - 1, strerror(-r));
    }
    for (size_t i = HONEST; i-- > 0;)
        assert_int_equal(actor_wait(&siege.client[i]), 0);
    for (size_t i = 0; i < HONEST; i++)
        honest_check(&siege.honest[i]);
    assert_int_equal(waitpid(the_world->daemon, NULL, WNOHANG), 0);
    settle();
    servers_end();
}

/* -- the frame of each test -- */

int hostile_setup(void **state)
{
    static const uid_t UIDS[HONEST] = {ATTACKER_UID, HONEST_UID};

    (void)state;
    memset(&siege, 0, sizeof(siege));
    siege.honest =
        mmap(NULL, HONEST * sizeof(*siege.honest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (siege.honest == MAP_FAILED)
        return -1;
    run_anywhere();
    assert_int_equal(world_start_daemon(the_world), 0);
    siege.before = usage(); /* nobody has connected yet */
    assert_int_equal(siege.before.trafficd.children, 1);
    for (size_t i = 0; i < HONEST; i++)
        assert_int_equal(actor_start(the_world, PLACE_A, UIDS[i], honest_client, &siege.honest[i], &siege.client[i]),
                         0);
    honest_go_on(WARM_UP);
    return 0;
}

int hostile_teardown(void **state)
{
    (void)state;
    hostile_kill();
    for (size_t i = 0; i < HONEST; i++)
        end_of(&siege.client[i]);
    munmap(siege.honest, HONEST * sizeof(*siege.honest));
    while (siege.left_behind > 0)
        fd_close(siege.left[--siege.left_behind]);
    if (the_world->daemon > 0)
        world_stop_daemon(the_world, SIGKILL, NULL);
    return 0;
}
