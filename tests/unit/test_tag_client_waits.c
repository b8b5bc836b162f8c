/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The client of fwmarkd gives up after 2 s in all, whatever the server does and however many signals come. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "cleanup.h"
#include "fd.h"
#include "tag_client.h"

/* On a busy machine it may take three times what is promised. */
#define PROMISE_MS 2000
#define HANG_MS 10000

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void times_out(void)
{
    uint64_t start = now_ms();

    assert_int_equal(tag_it(), -ETIMEDOUT);
    assert_in_range(now_ms() - start, PROMISE_MS, 3 * PROMISE_MS);
}

static void is_silent(struct server *server, int peer)
{
    server_take(server, peer);
    server_client_gone(peer, HANG_MS);
}

static void silence_times_out(void **state)
{
    (void)state;
    server_start(&the_server, is_silent, 0);
    times_out();
}

static void is_silent_after_half(struct server *server, int peer)
{
    server_take(server, peer);
    send(peer, &server->reply, 2, MSG_NOSIGNAL);
    server_client_gone(peer, HANG_MS);
}

static void silence_after_half_times_out(void **state)
{
    (void)state;
    server_start(&the_server, is_silent_after_half, 0);
    times_out();
}

/* Each byte comes well before 2 s since the last one have passed. */
static void drips(struct server *server, int peer)
{
    server_take(server, peer);
    for (size_t i = 0; i < sizeof(server->reply) && !server_client_gone(peer, PROMISE_MS * 2 / 5); i++)
        send(peer, (const char *)&server->reply + i, 1, MSG_NOSIGNAL);
}

static void dripping_does_not_win_time(void **state)
{
    (void)state;
    server_start(&the_server, drips, 0);
    times_out();
}

static int connect_without_waiting(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    strcpy(address.sun_path, the_server.path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    assert_int_equal(errno, EAGAIN);
    return fd_close(fd);
}

/* Connections that nobody takes. */
struct crowd {
    int fds[16];
    size_t count;
};

static void crowd_gathers(struct crowd *crowd)
{
    *crowd = (struct crowd){.count = 0};
    while ((crowd->fds[crowd->count] = connect_without_waiting()) >= 0)
        assert_true(++crowd->count < ARRAY_SIZE(crowd->fds));
    assert_true(crowd->count > 0);
}

static void crowd_leaves(struct crowd *crowd)
{
    while (crowd->count)
        fd_close(crowd->fds[--crowd->count]);
}

static void full_queue_times_out(void **state)
{
    struct crowd crowd;

    (void)state;
    server_start(&the_server, NULL, 0);
    crowd_gathers(&crowd);
    times_out();
    crowd_leaves(&crowd);
}

/* A signal handler that serves: it takes all connections, and answers once there have been enough signals. */
#define ENOUGH 20
static struct {
    volatile sig_atomic_t signals;
    bool serves;
    int peers[16];
    size_t count;
} noise;

static void on_alarm(int signal)
{
    const int32_t reply = 0;
    int saved = errno, peer;

    (void)signal;
    noise.signals++;
    while (noise.serves && noise.count < ARRAY_SIZE(noise.peers) &&
           (peer = accept4(the_server.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        noise.peers[noise.count++] = peer;
    if (noise.signals >= ENOUGH)
        for (size_t i = 0; i < noise.count; i++)
            send(noise.peers[i], &reply, sizeof(reply), MSG_NOSIGNAL);
    errno = saved;
}

static void noise_begins(bool serves, int flags)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    struct itimerval often = {{0, 5000}, {0, 5000}};

    noise.signals = 0;
    noise.count = 0;
    noise.serves = serves;
    assert_return_code(fcntl(the_server.listener, F_SETFL, O_NONBLOCK), errno);
    assert_return_code(sigaction(SIGALRM, &action, NULL), errno);
    assert_return_code(setitimer(ITIMER_REAL, &often, NULL), errno);
}

static void noise_ends(void)
{
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    signal(SIGALRM, SIG_DFL);
    assert_true(noise.signals >= ENOUGH);
    while (noise.count)
        fd_close(noise.peers[--noise.count]);
}

static void signals_end_no_wait(int flags)
{
    struct crowd crowd;

    server_start(&the_server, NULL, 0);
    crowd_gathers(&crowd);
    noise_begins(true, flags);
    assert_int_equal(tag_it(), 0);
    noise_ends();
    crowd_leaves(&crowd);
}

static void interrupted_calls_go_on(void **state)
{
    (void)state;
    signals_end_no_wait(0);
}

static void restarted_calls_go_on(void **state)
{
    (void)state;
    signals_end_no_wait(SA_RESTART);
}

static void signals_do_not_win_time_in_connect(void **state)
{
    struct crowd crowd;

    (void)state;
    server_start(&the_server, NULL, 0);
    crowd_gathers(&crowd);
    noise_begins(false, SA_RESTART);
    times_out();
    noise_ends();
    crowd_leaves(&crowd);
}

static void signals_do_not_win_time_in_silence(void **state)
{
    (void)state;
    server_start(&the_server, is_silent, 0);
    noise_begins(false, 0);
    times_out();
    noise_ends();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        client_test(silence_times_out),
        client_test(silence_after_half_times_out),
        client_test(dripping_does_not_win_time),
        client_test(full_queue_times_out),
        client_test(interrupted_calls_go_on),
        client_test(restarted_calls_go_on),
        client_test(signals_do_not_win_time_in_connect),
        client_test(signals_do_not_win_time_in_silence),
    };

    return unit_run(tests);
}
