/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What the programs know of a UID serves all its sockets for 100 ms, and a socket that is new meanwhile does not make
 * it younger: who writes maps raw is obeyed within 100 ms, however many sockets there are.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "loopback.h"

#define SOCKETS 32
#define LIFE_MS 100
#define TICKS 3 /* apart, so that an answer made anew says another time */

struct senders {
    struct fixture *fixture;
    int fds[SOCKETS];
};

static struct timespec now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time;
}

static int64_t ms_since(const struct timespec *then)
{
    struct timespec time = now(CLOCK_MONOTONIC);

    return (time.tv_sec - then->tv_sec) * 1000 + (time.tv_nsec - then->tv_nsec) / 1000000;
}

/* The clock that this one reads changes with the kernel's tick. */
static void wait_for_ticks(int count)
{
    for (struct timespec before = now(CLOCK_MONOTONIC_COARSE), time = before; count > 0; before = time, count--)
        while (time.tv_nsec == before.tv_nsec)
            time = now(CLOCK_MONOTONIC_COARSE);
}

/* Send a packet, and return when its socket's answer was made, in ticks. */
static uint64_t made_of(const struct senders *senders, int which)
{
    struct tctl_socket stored;

    assert_int_equal(send(senders->fds[which], "x", 1, 0), 1);
    assert_true(fixture_get(senders->fixture, PIN_SOCKET_STORAGE, &senders->fds[which], &stored));
    return stored.word[TCTL_W_MADE] & ((1ULL << 48) - 1);
}

static void a_new_socket_makes_what_is_known_no_younger(void **state)
{
    const struct senders *senders = *state;
    int compared = 0;

    for (int i = 0; i + 1 < SOCKETS; i += 2) {
        const struct timespec begun = now(CLOCK_MONOTONIC);

        fixture_raise(senders->fixture);
        uint64_t first = made_of(senders, i);
        wait_for_ticks(TICKS);
        uint64_t second = made_of(senders, i + 1);
        if (ms_since(&begun) >= LIFE_MS)
            continue;
        assert_int_equal(second, first);
        compared++;
    }
    assert_true(compared > 0);
}

static void a_new_generation_makes_it_new(void **state)
{
    const struct senders *senders = *state;
    uint64_t first = made_of(senders, 0);

    wait_for_ticks(TICKS);
    fixture_raise(senders->fixture);
    assert_true(made_of(senders, 1) > first);
}

static int set_up(void **state)
{
    struct senders *senders = calloc(1, sizeof(*senders));

    assert_non_null(senders);
    loopback_enter();
    fixture_set_up((void **)&senders->fixture);
    fixture_load(senders->fixture);
    for (int i = 0; i < SOCKETS; i++)
        senders->fds[i] = loopback_udp(senders->fixture);
    *state = senders;
    return 0;
}

static int tear_down(void **state)
{
    struct senders *senders = *state;

    for (int i = 0; i < SOCKETS; i++)
        close(senders->fds[i]);
    fixture_tear_down((void **)&senders->fixture);
    free(senders);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_socket_makes_what_is_known_no_younger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_generation_makes_it_new, set_up, tear_down),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: known UIDs", tests, NULL, NULL);
}
