/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What check finds, and which backend it says would be taken, in a network namespace without any rules. Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sys/syscall.h>
#include <trafficctl/traffic.h>

#include "cleanup.h"
#include "denial.h"
#include "loader.h"
#include "loopback.h"
#include "ruleset.h"
#include "surroundings.h"

static char place[64];

static int set_up(void **state)
{
    (void)state;
    loopback_enter();
    strcpy(place, "/tmp/test_probe.XXXXXX");
    assert_non_null(mkdtemp(place));
    assert_return_code(mount("bpf", place, "bpf", 0, "mode=0700"), errno);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    umount2(place, MNT_DETACH);
    rmdir(place);
    return 0;
}

/* NULL: there is no such row. */
static const struct requirement *find(const struct requirement *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

static bool has_all(const struct requirement *all, size_t count, enum load_backend backend)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].required == backend && !all[i].ok)
            return false;
    return true;
}

static void probe_lists_what_the_seed_asks_for(void **state)
{
    static const char *const names[] = {
        "CONFIG_CGROUP_BPF",    "CONFIG_BPF",    "CONFIG_BPF_SYSCALL", "CONFIG_NETFILTER_XT_MATCH_BPF",
        "CONFIG_INET_UDP_DIAG", "MEMLOCK 8 MiB", "netfilter links",    "nf_tables with xt_bpf",
        "nf_tables by user",    "early demux"};
    struct requirement *list = NULL;
    size_t count = 0;
    (void)state;
    _cleanup_free_ char *before = ruleset_everything(false);
    assert_int_equal(loader_probe(&list, &count, NULL), 0);
    _cleanup_free_ struct requirement *requirements = list;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(find(requirements, count, names[i]));
    /* What these tests ran on has to be there. */
    assert_true(has_all(requirements, count, LOAD_BACKEND_BPF));
    assert_true(has_all(requirements, count, LOAD_BACKEND_NFT));
    _cleanup_free_ char *after = ruleset_everything(false);
    assert_string_equal(after, before);
}

struct kernel {
    uint64_t denied; /* commands of bpf(2) */
    bool no_nf_tables;
    bool bpf, nft;    /* what has all it takes */
    const char *name; /* of the backend that is taken; NULL: -ENOTSUP */
    const char *says; /* in the reason, or in the fault */
};

/* For this process and what it runs. */
static bool lose(const struct kernel *kernel)
{
    return denial_of_bpf(kernel->denied, EINVAL) == 0 &&
           (!kernel->no_nf_tables || denial_of_argument(__NR_socket, 2, NETLINK_NETFILTER, EPROTONOSUPPORT) == 0);
}

static int look(void *context)
{
    const struct kernel *kernel = context;
    struct requirement *list = NULL;
    struct tctl_backend backend = {0};
    struct fault fault = {0};
    size_t count = 0;
    if (!lose(kernel))
        return 1;
    if (loader_probe(&list, &count, NULL) < 0 || has_all(list, count, LOAD_BACKEND_BPF) != kernel->bpf ||
        has_all(list, count, LOAD_BACKEND_NFT) != kernel->nft)
        return 2;
    free(list);
    int r = loader_would_take(place, &backend, &fault);
    if (!kernel->name)
        return r == -ENOTSUP && strstr(fault.text, kernel->says) ? 0 : 3;
    if (r < 0 || strcmp(backend.name, kernel->name) != 0 || (backend.lack_count > 0) != !kernel->bpf)
        return 4;
    return kernel->says ? !strstr(backend.why, kernel->says) : *backend.why != '\0';
}

static void what_would_be_taken_is_said(void **state)
{
    static struct kernel kernels[] = {
        {.bpf = true, .nft = true, .name = "bpf"},
        {.no_nf_tables = true, .bpf = true, .name = "bpf"},
        {.denied = DENIAL_OF(BPF_PROG_LOAD), .nft = true, .name = "nft", .says = "CONFIG_CGROUP_BPF"},
        {.denied = DENIAL_OF(BPF_LINK_CREATE), .nft = true, .name = "nft", .says = "BPF links"},
        {.denied = DENIAL_OF(BPF_PROG_LOAD), .no_nf_tables = true, .says = "CONFIG_CGROUP_BPF"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
        assert_int_equal(surroundings_wait(surroundings_fork(look, &kernels[i])), 0);
}

/* Runs the program, and it is that which ends this process. */
static int run_check(void *context)
{
    const struct kernel *kernel = context;
    if (!lose(kernel) || !freopen("/dev/null", "w", stdout))
        return 1;
    execl(TCTL_BUILD "/trafficctl", "trafficctl", "--bpffs", place, "check", NULL);
    return 1;
}

static void check_fails_where_neither_can_be_had(void **state)
{
    static struct kernel kernels[] = {
        {.no_nf_tables = true},
        {.denied = DENIAL_OF(BPF_PROG_LOAD)},
        {.denied = DENIAL_OF(BPF_PROG_LOAD), .no_nf_tables = true},
    };
    static const int statuses[] = {0, 0, 4};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
        assert_int_equal(surroundings_wait(surroundings_fork(run_check, &kernels[i])), statuses[i]);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(probe_lists_what_the_seed_asks_for),
        TEST(what_would_be_taken_is_said),
        TEST(check_fails_where_neither_can_be_had),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: probe", tests, NULL, NULL);
}
