/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A thread that waits is interrupted, again and again, and not any more afterwards. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "fd.h"
#include "nudge.h"

static void nudge_interrupts_again_and_again(void **state)
{
    (void)state;
    struct nudge nudge;
    int pipes[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(nudge_init(&nudge), 0);
    nudge_start(&nudge);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read(pipes[0], &byte, 1), -1); /* nobody writes: it would wait for ever */
        assert_int_equal(errno, EINTR);
    }
    nudge_stop(&nudge);
    assert_int_equal(poll(NULL, 0, 3 * NUDGE_NS / 1000000), 0);
    nudge_done(&nudge);
    fd_close(pipes[0]);
    fd_close(pipes[1]);
}

static void *waiting_thread(void *result)
{
    *(int *)result = poll(NULL, 0, 3 * NUDGE_NS / 1000000);
    return NULL;
}

static void nudge_is_for_one_thread(void **state)
{
    (void)state;
    struct nudge nudge;
    pthread_t thread;
    int result = -1;
    assert_int_equal(nudge_init(&nudge), 0);
    nudge_start(&nudge);
    assert_int_equal(pthread_create(&thread, NULL, waiting_thread, &result), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(result, 0);
    nudge_done(&nudge);
    assert_int_equal(poll(NULL, 0, 3 * NUDGE_NS / 1000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nudge_interrupts_again_and_again),
        cmocka_unit_test(nudge_is_for_one_thread),
    };
    return unit_run(tests);
}
