/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl monitor: a line for what is dropped, at once and at most one a second; one reader at a time. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/events.h>

#include "fd.h"
#include "wall_kit.h"

/* Each test has users of its own: within a second of its last event a user has no other. */
enum {
    SENDER = 10021,
    RECEIVER,
    CONNECTING,
    STEADY,
    EARLIER,
    LATER,
    WITHOUT_DAEMON,
    COUNTED,
    PIPED,
};

#define SECOND_NS 1000000000
#define LONG_MS 3000 /* three times the second in which something is promised */

/* One that a failed test has left would refuse those of the next. */
static pid_t running;

struct monitor {
    pid_t pid;
    int lines; /* its standard output */
    FILE *error;
};

__attribute__((noreturn)) static void monitor_child(int out, int error, const char *options)
{
    char line[64], *word[12] = {TCTL_BUILD "/trafficctl", "--bpffs", the_world->bpffs};
    size_t n = 3;

    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    alarm(60);
    snprintf(line, sizeof(line), "%s", options);
    for (char *w = strtok(line, " "); w && n < ARRAY_SIZE(word) - 1; w = strtok(NULL, " "))
        word[n++] = w;
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    execv(word[0], word);
    _exit(126);
}

/* Until it reads: what is dropped from then on it prints. */
static struct monitor monitor_start(const char *options)
{
    struct monitor monitor = {.error = tmpfile()};
    uint64_t start = now_ms();
    int out[2], reader = 0;

    assert_non_null(monitor.error);
    assert_return_code(pipe2(out, O_CLOEXEC), errno);
    fflush(NULL);
    monitor.pid = fork();
    if (monitor.pid == 0)
        monitor_child(out[1], fileno(monitor.error), options);
    assert_true(monitor.pid > 0);
    running = monitor.pid;
    fd_close(out[1]);
    monitor.lines = out[0];
    do
        assert_int_equal(tctl_events_reader(the_world->bpffs, &reader), 0);
    while (reader != monitor.pid && now_ms() - start < LONG_MS);
    assert_int_equal(reader, monitor.pid);
    return monitor;
}

/* Waits for its end; what it said on standard error must hold text, "" nothing at all. */
static void monitor_ends(struct monitor *monitor, int exit, const char *text)
{
    char error[512];
    int status;

    assert_int_equal(waitpid(monitor->pid, &status, 0), monitor->pid);
    running = 0;
    rewind(monitor->error);
    error[fread(error, 1, sizeof(error) - 1, monitor->error)] = '\0';
    fclose(monitor->error);
    if (*text ? !strstr(error, text) : *error)
        fail_msg("monitor said: %s", error);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit);
    monitor->lines = fd_close(monitor->lines);
}

static void monitor_stop(struct monitor *monitor, int signal)
{
    assert_return_code(kill(monitor->pid, signal), errno);
    monitor_ends(monitor, 0, "");
}

/* A line, without its end; what was printed at once is read at once. False: none came in time. */
static bool monitor_line(const struct monitor *monitor, int wait_ms, char *line, size_t size)
{
    struct pollfd ready = {.fd = monitor->lines, .events = POLLIN};
    ssize_t n;

    if (poll(&ready, 1, wait_ms) == 0)
        return false;
    n = read(monitor->lines, line, size - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    line[n - 1] = '\0';
    return true;
}

static json_t *monitor_event(const struct monitor *monitor, int wait_ms)
{
    char line[512];
    json_t *event;

    if (!monitor_line(monitor, wait_ms, line, sizeof(line)))
        fail_msg("no event within %d ms", wait_ms);
    event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(event);
    assert_int_equal(json_integer_value(json_object_get(event, "version")), 1);
    return event;
}

static void assert_event(json_t *event, const char *kind, json_int_t uid, const char *direction, const char *iface)
{
    const json_t *name = json_object_get(event, "iface");

    assert_string_equal(json_string_value(json_object_get(event, "event")), kind);
    assert_int_equal(json_integer_value(json_object_get(event, "uid")), uid);
    assert_string_equal(json_string_value(json_object_get(event, "direction")), direction);
    assert_string_equal(json_string_value(json_object_get(event, "reason")), "dozable");
    if (iface)
        assert_string_equal(json_string_value(name), iface);
    else
        assert_true(json_is_null(name));
}

/* "2026-01-31T12:05:09.007Z", in nanoseconds since the epoch. */
static uint64_t event_ns(json_t *event)
{
    const char *text = json_string_value(json_object_get(event, "time"));
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    unsigned int ms;
    char end;

    assert_non_null(rest);
    assert_int_equal(strlen(rest), 5);
    assert_int_equal(sscanf(rest, ".%3u%c", &ms, &end), 2);
    assert_int_equal(end, 'Z');
    return (uint64_t)timegm(&parts) * SECOND_NS + ms * UINT64_C(1000000);
}

static uint64_t real_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void connect_refused(uid_t uid)
{
    union address to = address_of(AF_INET, 0, 9);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, &to.any, address_size(&to)), -1);
    assert_int_equal(errno, EPERM);
}

static void test_events_of_every_kind(void **state)
{
    struct udp sender = udp_pair(the_world, SENDER, AF_INET, 1), receiver = udp_pair(the_world, RECEIVER, AF_INET6, 2);
    struct monitor monitor;
    uint64_t before, stamp;
    json_t *event;

    (void)state;
    wall("firewall enable dozable");
    monitor = monitor_start("-j monitor");
    before = real_ns();
    assert_false(sends(&sender));
    event = monitor_event(&monitor, PROMISE_MS);
    assert_event(event, "drop", SENDER, "out", "a0");
    stamp = event_ns(event);
    assert_true(stamp + 1000000 > before && stamp <= real_ns());
    json_decref(event);
    assert_int_equal(send(receiver.b, "x", 1, 0), 1);
    event = monitor_event(&monitor, PROMISE_MS);
    assert_event(event, "drop", RECEIVER, "in", "a0");
    json_decref(event);
    connect_refused(CONNECTING);
    event = monitor_event(&monitor, PROMISE_MS);
    assert_event(event, "refused_connect", CONNECTING, "out", NULL);
    json_decref(event);
    monitor_stop(&monitor, SIGTERM);
    udp_close(&sender);
    udp_close(&receiver);
}

/* A user who never stops is told of once a second. */
static void test_at_most_one_a_second(void **state)
{
    struct udp udp = udp_pair(the_world, STEADY, AF_INET, 1);
    struct monitor monitor;
    struct pollfd ready;
    uint64_t last = 0, start;

    (void)state;
    wall("firewall enable dozable");
    monitor = monitor_start("-j monitor");
    ready = (struct pollfd){.fd = monitor.lines, .events = POLLIN};
    start = now_ms();
    for (int events = 0; events < 3;) {
        json_t *event;

        assert_false(sends(&udp));
        assert_true(now_ms() - start < 3 * LONG_MS);
        if (poll(&ready, 1, 0) == 0)
            continue;
        event = monitor_event(&monitor, 0);
        assert_event(event, "drop", STEADY, "out", "a0");
        assert_true(event_ns(event) + 1000000 >= last + SECOND_NS); /* times are cut to a millisecond */
        last = event_ns(event);
        json_decref(event);
        events++;
    }
    monitor_stop(&monitor, SIGINT);
    udp_close(&udp);
}

static void test_earlier_events_are_skipped(void **state)
{
    struct udp earlier = udp_pair(the_world, EARLIER, AF_INET, 1), later = udp_pair(the_world, LATER, AF_INET, 2);
    struct monitor monitor;
    json_t *event;

    (void)state;
    wall("firewall enable dozable");
    assert_false(sends(&earlier));
    monitor = monitor_start("-j monitor");
    assert_false(sends(&later));
    event = monitor_event(&monitor, PROMISE_MS);
    assert_event(event, "drop", LATER, "out", "a0");
    json_decref(event);
    monitor_stop(&monitor, SIGTERM);
    udp_close(&earlier);
    udp_close(&later);
}

static void test_text_while_trafficd_is_stopped(void **state)
{
    struct udp udp = udp_pair(the_world, WITHOUT_DAEMON, AF_INET, 1);
    struct monitor monitor;
    char line[512];

    (void)state;
    wall("firewall enable dozable");
    assert_int_equal(world_stop_daemon(the_world, SIGKILL, NULL), 0);
    monitor = monitor_start("-n monitor");
    assert_false(sends(&udp));
    assert_true(monitor_line(&monitor, PROMISE_MS, line, sizeof(line)));
    assert_non_null(strstr(line, "Z drop            out 10027 dozable a0"));
    monitor_stop(&monitor, SIGTERM);
    assert_int_equal(world_start_daemon(the_world), 0);
    udp_close(&udp);
}

static void test_second_monitor_is_refused(void **state)
{
    struct monitor monitor = monitor_start("monitor");
    char pid[32];

    (void)state;
    snprintf(pid, sizeof(pid), "process %d monitors", monitor.pid);
    wall_refuses(1, pid, NULL, "monitor --count 1");
    monitor_stop(&monitor, SIGTERM);
    monitor = monitor_start("monitor");
    monitor_stop(&monitor, SIGINT);
}

static void test_count_ends_it(void **state)
{
    struct udp udp = udp_pair(the_world, COUNTED, AF_INET, 1);
    struct monitor monitor;
    char line[512];

    (void)state;
    wall("firewall enable dozable");
    monitor = monitor_start("monitor --count 1");
    assert_false(sends(&udp));
    assert_true(monitor_line(&monitor, PROMISE_MS, line, sizeof(line)));
    monitor_ends(&monitor, 0, "");
    udp_close(&udp);
}

/* Whether it has something to print, or not. */
static void test_closed_pipe_ends_it(void **state)
{
    struct udp udp = udp_pair(the_world, PIPED, AF_INET, 1);
    struct monitor monitor = monitor_start("monitor");

    (void)state;
    monitor.lines = fd_close(monitor.lines);
    monitor_ends(&monitor, 0, "");
    wall("firewall enable dozable");
    monitor = monitor_start("monitor");
    assert_return_code(kill(monitor.pid, SIGSTOP), errno);
    assert_false(sends(&udp));
    monitor.lines = fd_close(monitor.lines);
    assert_return_code(kill(monitor.pid, SIGCONT), errno);
    monitor_ends(&monitor, 0, "");
    udp_close(&udp);
}

static void test_only_root_monitors(void **state)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "monitor", NULL};

    (void)state;
    run_as(20001, "trafficctl", arguments, &said);
    assert_refused(&said, 1, "become root", NULL);
}

/* A monitor neither hinders unload nor waits for ever after it. */
static void test_unload_ends_it(void **state)
{
    struct monitor monitor = monitor_start("monitor");

    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_ctl(the_world, "unload", 0, &said);
    assert_int_equal(bpffs_entries(the_world), 0);
    monitor_ends(&monitor, 1, "unloaded");
    assert_int_equal(world_start_daemon(the_world), 0);
}

static int monitor_teardown(void **state)
{
    if (running) {
        kill(running, SIGKILL);
        waitpid(running, NULL, 0);
    }
    running = 0;
    return wall_teardown(state);
}
#define MONITORED(test) cmocka_unit_test_setup_teardown(test, wall_setup, monitor_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MONITORED(test_events_of_every_kind),
        MONITORED(test_at_most_one_a_second),
        MONITORED(test_earlier_events_are_skipped),
        MONITORED(test_text_while_trafficd_is_stopped),
        MONITORED(test_second_monitor_is_refused),
        MONITORED(test_count_ends_it),
        MONITORED(test_closed_pipe_ends_it),
        MONITORED(test_only_root_monitors),
        MONITORED(test_unload_ends_it),
    };
    const struct world_options options = {.config = WALL_CONFIG};

    return run_world("monitor", tests, ARRAY_SIZE(tests), &options);
}
