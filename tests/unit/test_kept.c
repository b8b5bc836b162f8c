/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kept.h"

/* The reading end tells when nobody has the other one any more. */
static bool has_ended(int reading, int timeout_ms)
{
    struct pollfd end = {.fd = reading, .events = POLLIN};

    return poll(&end, 1, timeout_ms) == 1 && end.revents & POLLHUP;
}

static void what_is_kept_ends_with_another_process(void **state)
{
    (void)state;
    static struct kept kept;
    int pair[2][2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pipe(pair[i]), 0);
    assert_true(kept_add(&kept, pair[0][1], pair[1][1]));
    assert_false(has_ended(pair[0][0], 0));
    assert_int_equal(kept_leave(&kept), 0);
    assert_int_equal(kept.count, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(close(pair[i][1]), -1);
        assert_int_equal(errno, EBADF);
        assert_true(has_ended(pair[i][0], 10000));
        close(pair[i][0]);
    }
    assert_true(wait(NULL) > 0);
}

static void there_is_room_for_so_many(void **state)
{
    (void)state;
    static struct kept kept;

    for (int i = 0; i < KEPT_MAX / 2 - 1; i++)
        assert_true(kept_add(&kept, 2 * i, 2 * i + 1));
    assert_true(kept_add(&kept, 5, -1));
    assert_int_equal(kept.count, KEPT_MAX - 1);
    assert_false(kept_add(&kept, 5, 6));
    assert_int_equal(kept.count, KEPT_MAX - 1);
    assert_int_equal(kept.fds[KEPT_MAX - 2], 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_ends_with_another_process),
        cmocka_unit_test(there_is_room_for_so_many),
    };

    return unit_run(tests);
}
