/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counter sets of UIDs, the public face of all this, and who may open it. Real maps and sockets. Root. */
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/accounting.h>

#include "cleanup.h"
#include "deletion.h"
#include "fd.h"
#include "loopback.h"
#include "surroundings.h"
#include "tagging.h"

#define UID 10001u
#define TAG 0xFFFFFF01u /* Android's own tags look like this */

#define _cleanup_tags_ _cleanup_(tags_done)

/* TestSetCounterSet */
static void a_counter_set_holds_from_the_next_packet_on(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    uint32_t uid = UID;
    uint8_t set = 7;
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        tagging_send(fd);
        assert_int_equal(tags_set_counter_set(&tags, UID, 1), 0);
        assert_true(fixture_get(fixture, PIN_UID_COUNTER_SET, &uid, &set));
        assert_int_equal(set, 1);
        tagging_send(fd);
        tagging_send(fd);
        assert_int_equal(tags_set_counter_set(&tags, UID, 0), 0);
        assert_false(fixture_get(fixture, PIN_UID_COUNTER_SET, &uid, &set));
        assert_int_equal(tagging_sent(fixture, UID, TAG, 0), i);
        assert_int_equal(tagging_sent(fixture, UID, TAG, 1), 2 * i);
        assert_int_equal(tagging_sent(fixture, UID, 0, 1), 2 * i);
    }
    assert_int_equal(tags_set_counter_set(&tags, UID, 0), 0);
}

/* TestSetInvalidCounterSet */
static void another_counter_set_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    const uint32_t uid = UID;
    uint8_t set;
    assert_int_equal(tags_set_counter_set(&tags, UID, 2), -EINVAL);
    assert_int_equal(tags_set_counter_set(&tags, UID, UINT32_MAX), -EINVAL);
    assert_int_equal(tags_set_counter_set(&tags, TCTL_NOBODY, 1), -EINVAL);
    assert_false(fixture_get(fixture, PIN_UID_COUNTER_SET, &uid, &set));
}

static int set_up_two_uids(void **state)
{
    struct fixture *fixture = *state = fixture_new(false);
    fixture->options.entries[LOAD_UID_COUNTER_SET] = 2;
    fixture_load(fixture);
    return 0;
}

static void a_full_map_of_counter_sets_is_said(void **state)
{
    _cleanup_tags_ struct tags tags = tagging_open(*state);
    assert_int_equal(tags_set_counter_set(&tags, 1, 1), 0);
    assert_int_equal(tags_set_counter_set(&tags, 2, 1), 0);
    assert_int_equal(tags_set_counter_set(&tags, 3, 1), -E2BIG);
    assert_int_equal(tags_set_counter_set(&tags, 2, 1), 0);
    assert_int_equal(tags_set_counter_set(&tags, 1, 0), 0);
    assert_int_equal(tags_set_counter_set(&tags, 3, 1), 0);
}

static int open_as_nobody(void *bpffs)
{
    struct tags tags;
    if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
        return EXIT_FAILURE;
    int r = tags_open(bpffs, &tags);
    tags_done(&tags);
    return -r;
}

static void only_root_opens_them(void **state)
{
    struct fixture *fixture = *state;
    pid_t child = surroundings_fork(open_as_nobody, fixture->bpffs);
    assert_int_equal(surroundings_wait(child), EACCES);
}

static void check_opening(const char *bpffs, int error)
{
    struct tctl_accounting *accounting = NULL;
    struct tags tags;
    assert_int_equal(tags_open(bpffs, &tags), error);
    tags_done(&tags);
    assert_int_equal(tctl_accounting_open(bpffs, &accounting), error);
    assert_null(accounting);
}

static void opening_says_what_is_wrong(void **state)
{
    const struct fixture *fixture = *state;
    const uint32_t zero = 0;
    struct tctl_state other;
    check_opening("/tmp/trafficctl-is-not-there", -ENOENT);
    assert_true(fixture_get(fixture, PIN_STATE, &zero, &other));
    other.abi_version++;
    fixture_put(fixture, PIN_STATE, &zero, &other);
    check_opening(fixture->bpffs, -EPROTO);
    other.abi_version--;
    fixture_put(fixture, PIN_STATE, &zero, &other);
}

/* Maps that no program looks at any more: success there would be none. */
static void what_was_unloaded_is_not_written(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    fixture->loaded = loaded_free(fixture->loaded);
    assert_int_equal(loader_unload(fixture->bpffs, &fault), 0);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), -ESTALE);
    assert_int_equal(tags_remove(&tags, fd), -ESTALE);
    assert_int_equal(tags_end(&tags, &(uint64_t){1}, 1), -ESTALE);
    assert_int_equal(tags_set_counter_set(&tags, UID, 1), -ESTALE);
    fixture_load(fixture);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), -ESTALE);
    tagging_assert_no_row(fixture, fd);
}

static int stop_with_the_lock(void *bpffs)
{
    struct writer writer;
    if (writer_open(bpffs, &writer) < 0 || writer_lock(&writer) < 0)
        return EXIT_FAILURE;
    raise(SIGSTOP);
    writer_unlock(&writer);
    writer_done(&writer);
    return EXIT_SUCCESS;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#define PROMISE_MS 5000

/* As a shell or a debugger stops a command, and a freezer whole containers. Only the first one waits in vain. */
static void a_stopped_writer_holds_nobody_up_for_ever(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    int status;
    pid_t child = surroundings_fork(stop_with_the_lock, fixture->bpffs);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    uint64_t begin = now_ms();
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), -EBUSY);
    uint64_t first = now_ms();
    assert_in_range(first - begin, PROMISE_MS, 3 * PROMISE_MS);
    assert_int_equal(tags_remove(&tags, fd), -EBUSY);
    assert_int_equal(tags_set_counter_set(&tags, UID, 1), -EBUSY);
    assert_int_equal(deletion_run(fixture->bpffs, &tags, UID, 0), -EBUSY);
    assert_true(now_ms() - first < PROMISE_MS);
    tagging_assert_no_row(fixture, fd);
    kill(child, SIGCONT);
    assert_int_equal(surroundings_wait(child), EXIT_SUCCESS);
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    tagging_assert_row(fixture, fd, UID, TAG);
}

static void the_public_face_does_the_same(void **state)
{
    const struct fixture *fixture = *state;
    struct tctl_accounting *accounting = NULL;
    _cleanup_fd_ int fd = loopback_udp(fixture);
    assert_int_equal(tctl_accounting_open(fixture->bpffs, &accounting), 0);
    assert_int_equal(tctl_socket_untag(accounting, fd), -ENOENT);
    assert_int_equal(tctl_socket_tag(accounting, fd, UID, TAG), 0);
    assert_int_equal(tctl_uid_counter_set(accounting, UID, 1), 0);
    tagging_send(fd);
    assert_int_equal(tagging_sent(fixture, UID, TAG, 1), 1);
    assert_int_equal(tctl_uid_delete_tag_data(accounting, UID, TAG), 0);
    assert_int_equal(tagging_sent(fixture, UID, TAG, 1), 0);
    tagging_assert_no_row(fixture, fd);
    assert_int_equal(tctl_socket_tag(accounting, fd, UID, TAG), 0);
    assert_int_equal(tctl_socket_untag(accounting, fd), 0);
    tagging_send(fd);
    assert_int_equal(tagging_total(fixture, 0), 1);
    assert_int_equal(tctl_socket_tag(accounting, fd, TCTL_NOBODY, TAG), -EINVAL);
    assert_int_equal(tctl_uid_counter_set(accounting, UID, 2), -EINVAL);
    assert_int_equal(tctl_uid_delete_tag_data(accounting, TCTL_NOBODY, TAG), -EINVAL);
    assert_null(tctl_accounting_close(accounting));
    assert_null(tctl_accounting_close(NULL));
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, tagging_set_up, fixture_tear_down)
#define BOTH(test)                                                                                                     \
    SHARED(test),                                                                                                      \
    {                                                                                                                  \
#test "_percpu", test, tagging_set_up_percpu, fixture_tear_down, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_counter_set_holds_from_the_next_packet_on),
        SHARED(another_counter_set_is_refused),
        cmocka_unit_test_setup_teardown(a_full_map_of_counter_sets_is_said, set_up_two_uids, fixture_tear_down),
        SHARED(only_root_opens_them),
        SHARED(opening_says_what_is_wrong),
        SHARED(what_was_unloaded_is_not_written),
        SHARED(a_stopped_writer_holds_nobody_up_for_ever),
        SHARED(the_public_face_does_the_same),
    };
    loopback_enter();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: accounting", tests, NULL, NULL);
}
