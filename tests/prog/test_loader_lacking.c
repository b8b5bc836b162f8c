/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kernels and machines that have too little: the start names what is missing and what to do. Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/bpf.h>
#include <linux/capability.h>

#include "cleanup.h"
#include "denial.h"
#include "fixture.h"
#include "surroundings.h"

/* A start on a kernel that denies some commands of bpf(2), and what has to come of it. */
struct start {
    const struct load_options *options;
    uint64_t denied;
    int denied_error;
    int (*before)(void); /* NULL: nothing */
    int error;
    const char *says[3]; /* NULL: any */
};

static unsigned int warnings;

static void count_warning(const char *text)
{
    (void)text;
    warnings++;
}

static bool is_said(const struct start *start, const struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_SIZE(start->says); i++)
        if (start->says[i] && !strstr(fault->text, start->says[i]))
            return false;
    return true;
}

static int run(void *context)
{
    const struct start *start = context;
    struct loaded *loaded = NULL;
    struct fault fault = {0};
    if ((start->before && start->before() < 0) || denial_of_bpf(start->denied, start->denied_error) < 0)
        return 2;
    warnings = 0;
    int r = loader_start(start->options, false, count_warning, &loaded, &fault);
    loaded_free(loaded);
    if (r == start->error && is_said(start, &fault) && warnings == 0)
        return 0;
    fprintf(stderr, "expected %d, got %d with %u warnings: %s\n", start->error, r, warnings, fault.text);
    return 1;
}

/* One line says it, and nothing is left. */
static void check(const struct fixture *fixture, struct start *start)
{
    start->options = &fixture->options;
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    assert_int_equal(surroundings_wait(surroundings_fork(run, start)), 0);
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    assert_string_equal(after, before);
}

static void lacking_the_system_call(void **state)
{
    check(*state, &(struct start){.denied = DENIAL_ALL,
                                  .denied_error = ENOSYS,
                                  .error = -ENOTSUP,
                                  .says = {"this kernel lacks CONFIG_BPF_SYSCALL"}});
}

static void lacking_links(void **state)
{
    check(*state, &(struct start){.denied = DENIAL_OF(BPF_LINK_CREATE),
                                  .denied_error = EINVAL,
                                  .error = -ENOTSUP,
                                  .says = {"this kernel lacks BPF links"}});
}

static void lacking_cgroup_programs(void **state)
{
    check(*state, &(struct start){.denied = DENIAL_OF(BPF_PROG_LOAD),
                                  .denied_error = EINVAL,
                                  .error = -ENOTSUP,
                                  .says = {"this kernel lacks CONFIG_CGROUP_BPF"}});
}

static void lacking_a_type_of_map(void **state)
{
    static const int errors[] = {EINVAL, ENOSYS};
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        check(*state, &(struct start){.denied = DENIAL_OF(BPF_MAP_CREATE),
                                      .denied_error = errors[i],
                                      .error = -ENOTSUP,
                                      .says = {"this kernel lacks maps of type ", "_map"}});
}

static int with_little_memlock(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    const struct rlimit little = {65536, 65536};
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
    if (setrlimit(RLIMIT_MEMLOCK, &little) < 0 || syscall(SYS_capset, &header, data) < 0)
        return -errno;
    return 0;
}

/* Kernels before 5.11 say EPERM to whoever has the capabilities and not the memory. */
static void lacking_locked_memory(void **state)
{
    check(*state, &(struct start){.denied = DENIAL_OF(BPF_MAP_CREATE),
                                  .denied_error = EPERM,
                                  .before = with_little_memlock,
                                  .error = -EPERM,
                                  .says = {"MEMLOCK 8 MiB", "ulimit -l"}});
}

/* 2147483648 entries of a hash are more than any kernel takes. */
static void lacking_room_for_a_map(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.entries[LOAD_UID_STATS] = 2147483648;
    check(fixture, &(struct start){.error = -E2BIG, .says = {"too large", "uid_stats", "[maps]"}});
    fixture->options.entries[LOAD_UID_STATS] = 10;
    fixture->options.entries[LOAD_COOKIE_TAG] = 2147483648;
    check(fixture, &(struct start){.error = -E2BIG, .says = {"too large", "cookie_tag", "[maps]"}});
}

static void lacking_memory_for_a_map(void **state)
{
    check(*state, &(struct start){.denied = DENIAL_OF(BPF_MAP_CREATE),
                                  .denied_error = ENOMEM,
                                  .error = -ENOMEM,
                                  .says = {"too large", "lower the size of", "[maps]"}});
}

static rlim_t files;

static int with_few_files(void)
{
    const struct rlimit few = {files, files};
    return setrlimit(RLIMIT_NOFILE, &few);
}

/* Wherever they end, also within what libbpf only tries and takes for a lack of the kernel. */
static void lacking_open_files(void **state)
{
    for (files = 16; files < 32; files++)
        check(*state, &(struct start){.before = with_few_files, .error = -EMFILE, .says = {"open files", "ulimit -n"}});
}

#define LACKING(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LACKING(lacking_the_system_call),  LACKING(lacking_links),         LACKING(lacking_cgroup_programs),
        LACKING(lacking_a_type_of_map),    LACKING(lacking_locked_memory), LACKING(lacking_room_for_a_map),
        LACKING(lacking_memory_for_a_map), LACKING(lacking_open_files),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: loader, too little", tests, NULL, NULL);
}
