/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hostile.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
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

/* Of trafficd. */
struct usage {
    unsigned fds, threads, children;
};

static struct {
    struct actor attacker[ATTACKERS];
    size_t attackers;
    struct actor client[HONEST];
    struct honest *honest; /* HONEST of them */
    struct usage before;
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

static unsigned entries(const char *folder)
{
    char path[64];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/%s", the_world->daemon, folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static unsigned children(void)
{
    _cleanup_free_ char *text = NULL;
    char path[64];
    unsigned count = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", the_world->daemon, the_world->daemon);
    assert_int_equal(fd_read_file(path, 65536, &text), 0);
    for (const char *at = text; *at; at++)
        count += *at == ' ';
    return count;
}

static struct usage usage(void)
{
    return (struct usage){.fds = entries("fd"), .threads = entries("task"), .children = children()};
}

/* Until trafficd has nothing more than before; its connections end a moment after their replies. */
static void settle(void)
{
    uint64_t start = clock_ms();
    struct usage now = usage();
    size_t rows = map_rows(the_world, "traffic_cookie_tag_map");

    while (now.fds > siege.before.fds || now.threads > siege.before.threads || now.children > siege.before.children ||
           rows > 0) {
        if (clock_ms() - start > CUT_OFF_MS)
            fail_msg("trafficd has %u descriptors, %u threads, %u children (before: %u, %u, %u) and %zu tags", now.fds,
                     now.threads, now.children, siege.before.fds, siege.before.threads, siege.before.children, rows);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        now = usage();
        rows = map_rows(the_world, "traffic_cookie_tag_map");
    }
}

/* What a peer holds up may be there for ever: the wait is for as long as is promised, and for the killed not at all. */
static int trafficd_end(int signal_number)
{
    _cleanup_fd_ int pidfd = pidfd_open(the_world->daemon, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    int status = 0;

    assert_true(pidfd >= 0);
    assert_return_code(kill(the_world->daemon, signal_number), errno);
    if (poll(&end, 1, STOP_MS) != 1 && signal_number == SIGTERM)
        fail_msg("trafficd does not stop");
    if (end.revents)
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
    for (size_t i = 0; i < HONEST; i++)
        assert_int_equal(actor_start(the_world, PLACE_A, UIDS[i], honest_client, &siege.honest[i], &siege.client[i]),
                         0);
    honest_go_on(WARM_UP);
    honest_pause();
    siege.before = usage();
    honest_word(1);
    return 0;
}

int hostile_teardown(void **state)
{
    (void)state;
    hostile_kill();
    for (size_t i = 0; i < HONEST; i++)
        end_of(&siege.client[i]);
    munmap(siege.honest, HONEST * sizeof(*siege.honest));
    if (the_world->daemon > 0)
        world_stop_daemon(the_world, SIGKILL, NULL);
    return 0;
}
