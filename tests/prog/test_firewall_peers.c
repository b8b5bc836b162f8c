/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall's pins, while others write, hold the lock, unload, or may not. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "surroundings.h"
#include "wall.h"

#define A 10001u
#define B 10002u

static int hold_lock(void *context)
{
    const struct policing *policing = ((void **)context)[0];
    const int *told = ((void **)context)[1];
    int fd = open(fixture_path(policing->fixture, TCTL_DIR), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(told[1], "", 1) != 1)
        return 1;
    char byte;
    return read(told[2], &byte, 1) == 1 ? 0 : 2;
}

static void a_writer_that_does_not_end_is_not_waited_for(void **state)
{
    const struct policing *policing = *state;
    int pipes[4];
    char byte;
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing);

    assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
    assert_return_code(pipe2(pipes + 2, O_CLOEXEC), errno);
    void *context[] = {(void *)policing, pipes};
    pid_t child = surroundings_fork(hold_lock, context);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    wall_assert_refused(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0), -EBUSY, "/proc/locks");
    wall_assert_nothing_saved(policing);
    assert_int_equal(write(pipes[3], "", 1), 1);
    assert_int_equal(surroundings_wait(child), 0);
    wall_assert_done(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0));
    for (size_t i = 0; i < ARRAY_SIZE(pipes); i++)
        fd_close(pipes[i]);
}

static void what_was_unloaded_is_not_changed(void **state)
{
    struct policing *policing = *state;
    struct tctl_firewall_rules rules;
    struct tctl_verdict verdict;
    struct fault fault = {0};
    _cleanup_wall_ struct tctl_firewall *firewall = policing_open(policing), *again = NULL;

    policing->fixture->loaded = loaded_free(policing->fixture->loaded);
    assert_int_equal(loader_unload(policing->fixture->bpffs, &fault), 0);
    wall_assert_refused(firewall, tctl_firewall_enable(firewall, TCTL_STANDBY, true, 0), -ESTALE, "unloaded");
    wall_assert_refused(firewall, tctl_firewall_restore(firewall), -ESTALE, "unloaded");
    wall_assert_refused(firewall, tctl_firewall_read(firewall, &rules), -ESTALE, "unloaded");
    wall_assert_refused(firewall, tctl_firewall_why(firewall, A, NULL, true, &verdict), -ESTALE, "unloaded");
    wall_assert_nothing_saved(policing);
    assert_int_equal(tctl_firewall_open(policing->fixture->bpffs, &again), -ENOENT);
    wall_assert_refused(again, 0, 0, policing->fixture->bpffs);
}

static int open_as_nobody(void *context)
{
    const struct policing *policing = context;
    struct tctl_firewall *firewall = NULL;

    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 1;
    int r = tctl_firewall_open(policing->fixture->bpffs, &firewall);
    int failed = r != -EACCES || !strstr(tctl_firewall_problem(firewall), "root");
    tctl_firewall_close(firewall);
    return failed ? 2 : 0;
}

static void it_takes_root_and_pins_of_this_version(void **state)
{
    struct policing *policing = *state;
    struct tctl_state kept = {0};
    uint32_t zero = 0;
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;

    assert_int_equal(surroundings_wait(surroundings_fork(open_as_nobody, policing)), 0);
    assert_true(fixture_get(policing->fixture, PIN_STATE, &zero, &kept));
    kept.abi_version++;
    fixture_put(policing->fixture, PIN_STATE, &zero, &kept);
    assert_int_equal(tctl_firewall_open(policing->fixture->bpffs, &firewall), -EPROTO);
    wall_assert_refused(firewall, 0, 0, "version");
    assert_null(tctl_firewall_close(NULL));
}

#define ROUNDS 100
struct writer_of {
    const struct policing *policing;
    unsigned int chain;
};

static int write_often(void *context)
{
    const struct writer_of *writer = context;
    struct tctl_firewall *firewall = NULL;
    int r = tctl_firewall_open(writer->policing->fixture->bpffs, &firewall);

    for (int i = 0; i < ROUNDS && r == 0; i++)
        r = wall_set(firewall, writer->chain, A, i % 2, 0);
    if (r == 0)
        r = wall_set(firewall, writer->chain, B, false, 0);
    tctl_firewall_close(firewall);
    return r ? 1 : 0;
}

/* Their bits are in one word, their lines in one file. */
static void writers_at_the_same_time_lose_nothing(void **state)
{
    const struct writer_of writers[] = {{*state, TCTL_OEM_DENY_1}, {*state, TCTL_OEM_DENY_2}, {*state, TCTL_STANDBY}};
    pid_t children[ARRAY_SIZE(writers)];

    for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
        children[i] = surroundings_fork(write_often, (void *)&writers[i]);
    for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
        assert_int_equal(surroundings_wait(children[i]), 0);
    wall_assert_saved(*state, "deny standby 10002\ndeny oem_deny_1 10002\ndeny oem_deny_2 10002\n");
    assert_int_equal(policing_word(*state, A), POLICING_NO_ROW);
    assert_int_equal(policing_word(*state, B), TCTL_BIT(TCTL_OEM_DENY_1) | TCTL_BIT(TCTL_OEM_DENY_2));
    assert_int_equal(policing_entry(*state, TCTL_STANDBY, A), POLICING_NO_ROW);
}

#define WALL(test) cmocka_unit_test_setup_teardown(test, policing_set_up, policing_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALL(a_writer_that_does_not_end_is_not_waited_for),
        WALL(what_was_unloaded_is_not_changed),
        WALL(it_takes_root_and_pins_of_this_version),
        WALL(writers_at_the_same_time_lose_nothing),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall, peers", tests, NULL, NULL);
}
