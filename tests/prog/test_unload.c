/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What unload takes away, and what it leaves alone. Root. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include <trafficctl/firewall.h>
#include <trafficctl/verify.h>

#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "surroundings.h"

static void pin_foreign_map(const struct fixture *fixture, const char *below)
{
    _cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
    assert_return_code(fd, errno);
    assert_return_code(bpf_obj_pin(fd, fixture_path(fixture, below)), errno);
}

static void load_and_stop(struct fixture *fixture)
{
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
}

static void unload_takes_all_of_its_own_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    pin_foreign_map(fixture, "traffic_of_somebody_else");
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    load_and_stop(fixture);
    assert_int_equal(loader_unload(fixture->bpffs, NULL), 0);
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    assert_string_equal(after, before);
    assert_int_equal(surroundings_attached(fixture->cgroup, BPF_CGROUP_INET_INGRESS).count, 0);
    assert_int_equal(loader_unload(fixture->bpffs, NULL), 0);
}

/* What was counted until then is nobody's numbers any more, also when another start counts anew. */
static void assert_reads_nothing(struct tctl *traffic)
{
    struct tctl_uid_row *uids;
    struct tctl_iface_row *ifaces;
    struct tctl_detail_row *details;
    struct tctl_drop_row *drops;
    struct tctl_counters counters;
    struct tctl_status status;
    struct tctl_verified verified;
    size_t count;

    assert_int_equal(tctl_read_uids(traffic, &uids, &count), -ESTALE);
    assert_int_equal(tctl_read_uid(traffic, 0, &counters), -ESTALE);
    assert_int_equal(tctl_read_ifaces(traffic, &ifaces, &count), -ESTALE);
    assert_int_equal(tctl_read_iface(traffic, NULL, &counters), -ESTALE);
    assert_int_equal(tctl_read_details(traffic, NULL, &details, &count), -ESTALE);
    assert_int_equal(tctl_read_drops(traffic, &drops, &count), -ESTALE);
    assert_int_equal(tctl_status(traffic, &status), -ESTALE);
    assert_int_equal(tctl_verify(traffic, &verified), -ESTALE);
}

static void unload_ends_the_readings_of_open_handles(void **state)
{
    struct fixture *fixture = *state;
    struct tctl *traffic = NULL;
    struct tctl_counters counters;
    load_and_stop(fixture);
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_read_uid(traffic, 0, &counters), 0);
    assert_int_equal(loader_unload(fixture->bpffs, NULL), 0);
    assert_reads_nothing(traffic);
    load_and_stop(fixture);
    assert_reads_nothing(traffic);
    tctl_close(traffic);
}

/* netd itself, or whatever else uses its names: without our folder nothing there is ours. */
static void unload_leaves_netds_own_pins_alone(void **state)
{
    static const enum pin_id names[] = {PIN_INGRESS_PROG, PIN_UID_STATS};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        pin_foreign_map(fixture, pins[names[i]].path);
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    assert_int_equal(loader_unload(fixture->bpffs, NULL), 0);
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    assert_string_equal(after, before);
}

/* Status 0: it was refused, with a line that says what is needed. */
static int unload_as_plain_user(void *context)
{
    struct fault fault = {0};
    if (setresgid(10001, 10001, 10001) < 0 || setresuid(10001, 10001, 10001) < 0)
        return 2;
    int r = loader_unload(context, &fault);
    if ((r == -EACCES || r == -EPERM) && strstr(fault.text, "root"))
        return 0;
    fprintf(stderr, "got %d: %s\n", r, fault.text);
    return 1;
}

static void unload_of_a_plain_user_says_what_is_needed(void **state)
{
    static const mode_t modes[] = {0700, 0711};
    struct fixture *fixture = *state;
    load_and_stop(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        assert_return_code(chmod(fixture->bpffs, modes[i]), errno);
        _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
        assert_int_equal(surroundings_wait(surroundings_fork(unload_as_plain_user, fixture->bpffs)), 0);
        _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
        assert_string_equal(after, before);
    }
}

#define UNLOAD(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNLOAD(unload_takes_all_of_its_own_and_nothing_else),
        UNLOAD(unload_ends_the_readings_of_open_handles),
        UNLOAD(unload_leaves_netds_own_pins_alone),
        UNLOAD(unload_of_a_plain_user_says_what_is_needed),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: unload", tests, NULL, NULL);
}
