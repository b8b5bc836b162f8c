/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* --load-only while a trafficd runs. Root. */
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

#include "cleanup.h"
#include "fixture.h"
#include "surroundings.h"

static int set_up(void **state)
{
    *state = fixture_new(false);
    fixture_load(*state);
    return 0;
}

static int load_only(const struct fixture *fixture, const char *cgroup, struct fault *fault)
{
    struct load_options options = fixture->options;
    struct loaded *loaded = NULL;
    options.cgroup = cgroup;
    int r = loader_start(&options, false, NULL, &loaded, fault);
    loaded_free(loaded);
    return r;
}

/* Each program hangs there once, or none does. */
static void check_attached(const char *cgroup, uint32_t count)
{
    static const uint32_t hooks[] = {BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_SOCK_RELEASE};
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
        assert_int_equal(surroundings_attached(cgroup, hooks[i]).count, count);
}

static void beneath_a_running_trafficd_programs_are_replaced(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load_only(fixture, fixture->cgroup, NULL), 0);
    check_attached(fixture->cgroup, 1);
}

static void make_other(const struct fixture *fixture, char *other, size_t size)
{
    snprintf(other, size, "%s/other", fixture->cgroup);
    assert_return_code(mkdir(other, 0755), errno);
}

/* It would go on watching the group it was started with, and call what works elsewhere missing. */
static void beneath_a_running_trafficd_its_cgroup_stays(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    char pid[32], other[PATH_MAX];
    snprintf(pid, sizeof(pid), "pid %d)", (int)getpid());
    make_other(fixture, other, sizeof(other));
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    int r = load_only(fixture, other, &fault);
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    struct attached elsewhere = surroundings_attached(other, BPF_CGROUP_INET_EGRESS);
    rmdir(other);
    assert_int_equal(r, -EBUSY);
    assert_non_null(strstr(fault.text, pid));
    assert_non_null(strstr(fault.text, "stop it first"));
    assert_string_equal(after, before);
    assert_int_equal(elsewhere.count, 0);
    check_attached(fixture->cgroup, 1);
}

static void beneath_nobody_the_cgroup_changes(void **state)
{
    struct fixture *fixture = *state;
    char other[PATH_MAX];
    make_other(fixture, other, sizeof(other));
    fixture->loaded = loaded_free(fixture->loaded);
    assert_int_equal(load_only(fixture, other, NULL), 0);
    check_attached(other, 1);
    assert_int_equal(loader_unload(fixture->bpffs, NULL), 0);
    assert_return_code(rmdir(other), errno);
}

#define BENEATH(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENEATH(beneath_a_running_trafficd_programs_are_replaced),
        BENEATH(beneath_a_running_trafficd_its_cgroup_stays),
        BENEATH(beneath_nobody_the_cgroup_changes),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: loader beneath trafficd", tests, NULL, NULL);
}
