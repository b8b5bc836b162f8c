/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* iptables-legacy where its tool is missing, wrong or busy, and kernels that lack a part of it. Root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "cleanup.h"
#include "denial.h"
#include "fd.h"
#include "legacy.h"
#include "legacy_world.h"
#include "surroundings.h"

/* What a tool does, and what is said of it then. Nothing of ours may be there after it. */
static const struct {
    const char *lines;
    int error;
    const char *says;
} WRONG[] = {
    {"echo no way >&2; exit 1", -EIO, "ended with 1: no way"},
    {"echo 'Could not load match' >&2; exit 2", -ENOTSUP, "Could not load match"},
    {"echo locked >&2; exit 4", -EBUSY, "locked"},
    {"exit 0", -EIO, "did not do what it was told"},
    {"cat; printf '\\033[2J\\001\\377'; exit 3", -ENOTSUP, "ended with 3: *raw :bw_raw_PREROUTING"},
    {"kill -SEGV $$", -EINTR, "restore"},
    {"echo $$ >${0%/*}/pid; sleep 1000", -ETIMEDOUT, "was killed"},
    {"exec 0<&- 1>&- 2>&-; trap '' TERM INT HUP; echo $$ >${0%/*}/pid; exec sleep 1000", -ETIMEDOUT, "was killed"},
    {"echo $$ >${0%/*}/pid; exec yes garbage", -ETIMEDOUT, "garbage garbage"},
};

static void assert_ended(const struct legacy_world *world)
{
    _cleanup_free_ char *pid = NULL;
    char path[128];
    snprintf(path, sizeof(path), "%s/pid", world->folder);
    if (access(path, F_OK) < 0)
        return;
    assert_return_code(fd_read_file(path, 64, &pid), 0);
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), 0), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it is reaped */
}

static void assert_wrong_tool(const struct legacy_world *world, size_t i)
{
    struct fault fault = {0};
    const time_t began = time(NULL);
    legacy_world_script(world, "iptables-legacy-restore", WRONG[i].lines);
    int r = legacy_put(world->bpffs, &fault);
    if (r != WRONG[i].error || !strstr(fault.text, WRONG[i].says))
        fail_msg("%s: %d: %s", WRONG[i].lines, r, fault.text);
    assert_in_range(time(NULL) - began, 0, 3 * 7); /* promised: 3 s, and as much to take back */
    assert_ended(world);
    legacy_world_forget_scripts(world);
}

static void wrong_tools_are_reported_in_time(void **state)
{
    const struct legacy_world *world = *state;
    legacy_world_put(world);
    legacy_world_take_away(world);
    _cleanup_free_ char *before = legacy_world_save("-c");
    for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++) {
        assert_wrong_tool(world, i);
        legacy_world_assert_saved("-c", before);
    }
}

/* IPv4 is written first. */
static void what_was_put_is_taken_back(void **state)
{
    const struct legacy_world *world = *state;
    struct fault fault = {0};
    legacy_world_put(world);
    legacy_world_take_away(world);
    _cleanup_free_ char *before = legacy_world_save("");
    legacy_world_script(world, "ip6tables-legacy-restore", "echo not today; exit 1");
    assert_int_equal(legacy_put(world->bpffs, &fault), -EIO);
    assert_non_null(strstr(fault.text, "not today"));
    legacy_world_assert_saved("", before);
    legacy_world_script(world, "iptables-legacy-restore",
                        "sed '/^.raw/,/COMMIT/!s/^:.*/nonsense/' | /usr/sbin/iptables-legacy-restore -n");
    assert_int_equal(legacy_put(world->bpffs, &fault), -ENOTSUP);
    legacy_world_forget_scripts(world);
    assert_int_equal(legacy_world_look(world), 0);
    legacy_world_put(world);
}

/* A child that lives in other surroundings, and what has to come of its legacy_put() there. */
struct elsewhere {
    const struct legacy_world *world;
    int (*enter)(const struct legacy_world *world); /* what cannot be is not 0 */
    int error;
    const char *says;
    uint32_t there;
};

static int put_elsewhere(void *context)
{
    const struct elsewhere *elsewhere = context;
    struct fault fault = {0};
    uint32_t there = 0;
    int r = elsewhere->enter(elsewhere->world);
    if (r != 0) {
        fprintf(stderr, "cannot enter: %d\n", r);
        return 2;
    }
    r = legacy_put(elsewhere->world->bpffs, &fault);
    if (r == elsewhere->error && (r == 0 || strstr(fault.text, elsewhere->says)) &&
        (r != 0 || (legacy_look(elsewhere->world->bpffs, &there, &fault) == 0 && there == elsewhere->there)))
        return 0;
    fprintf(stderr, "legacy_put: %d: %s; there: 0x%x\n", r, fault.text, there);
    return 1;
}

static void check_elsewhere(const struct elsewhere *elsewhere)
{
    assert_int_equal(surroundings_wait(surroundings_fork(put_elsewhere, (void *)elsewhere)), 0);
}

/* The tools are in PATH alone, and there they are called as on systems that know no other. */
static int enter_without_tools(const struct legacy_world *world)
{
    char command[512];
    snprintf(command, sizeof(command),
             "mkdir '%s/sbin' && mount --bind /usr/sbin '%s/sbin' && mount -t tmpfs none /usr/sbin", world->folder,
             world->folder);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -errno;
    return system(command);
}

static int enter_with_plain_names(const struct legacy_world *world, const char *multi)
{
    char command[512];
    int r = enter_without_tools(world);
    snprintf(command, sizeof(command), "cd '%s' && ln -s sbin/%s iptables-restore && ln -s sbin/%s ip6tables-restore",
             world->folder, multi, multi);
    if (r == 0)
        r = system(command);
    setenv("PATH", world->folder, 1);
    return r;
}

static int enter_with_legacy_only(const struct legacy_world *world)
{
    return enter_with_plain_names(world, "xtables-legacy-multi");
}

static int enter_with_nft_only(const struct legacy_world *world)
{
    return enter_with_plain_names(world, "xtables-nft-multi");
}

static void without_the_tool(void **state)
{
    check_elsewhere(
        &(struct elsewhere){*state, enter_without_tools, -ENOTSUP, "there is no iptables-legacy-restore", 0});
    assert_int_equal(legacy_world_look(*state), 0);
}

static void with_the_nft_tool_only(void **state)
{
    check_elsewhere(
        &(struct elsewhere){*state, enter_with_nft_only, -ENOTSUP, "there is no iptables-legacy-restore", 0});
    assert_int_equal(legacy_world_look(*state), 0);
}

static void with_the_tool_by_its_plain_name(void **state)
{
    check_elsewhere(&(struct elsewhere){*state, enter_with_legacy_only, 0, NULL, TCTL_ALL_IFACE_HOOKS});
    assert_int_equal(legacy_world_look(*state), TCTL_ALL_IFACE_HOOKS);
}

/* The lock of another file system: nobody else waits for it meanwhile. */
static int enter_locked(const struct legacy_world *world)
{
    (void)world;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) < 0)
        return -errno;
    int fd = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    return fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : 0;
}

static void others_hold_the_lock(void **state)
{
    check_elsewhere(&(struct elsewhere){*state, enter_locked, -EBUSY, "lock", 0});
    assert_int_equal(legacy_world_look(*state), 0);
}

static int enter_without_raw_sockets(const struct legacy_world *world)
{
    (void)world;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) < 0)
        return -errno;
    sets[0].effective &= ~(1u << CAP_NET_RAW);
    return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

static void without_cap_net_raw(void **state)
{
    check_elsewhere(&(struct elsewhere){*state, enter_without_raw_sockets, -EPERM, "needs CAP_NET_RAW", 0});
    assert_int_equal(legacy_world_look(*state), 0);
    legacy_world_put(*state);
    /* What is right needs no tool, and looking never does. */
    check_elsewhere(&(struct elsewhere){*state, enter_without_raw_sockets, 0, NULL, TCTL_ALL_IFACE_HOOKS});
}

static int enter_without_ipv6(const struct legacy_world *world)
{
    (void)world;
    return denial_of_argument(__NR_socket, 0, AF_INET6, EAFNOSUPPORT);
}

static void without_ipv6_there_is_nothing_to_count(void **state)
{
    const uint32_t v4 = 1u << TCTL_PREROUTING4 | 1u << TCTL_POSTROUTING4;
    check_elsewhere(&(struct elsewhere){*state, enter_without_ipv6, 0, NULL, TCTL_ALL_IFACE_HOOKS});
    assert_int_equal(legacy_world_look(*state), v4);
}

static int enter_without_tables(const struct legacy_world *world)
{
    (void)world;
    return denial_of_argument(__NR_getsockopt, 2, IPT_SO_GET_INFO, ENOPROTOOPT);
}

static int enter_without_matches(const struct legacy_world *world)
{
    (void)world;
    return denial_of_argument(__NR_getsockopt, 2, IPT_SO_GET_REVISION_MATCH, EPROTONOSUPPORT);
}

static void kernels_without_the_tables(void **state)
{
    check_elsewhere(&(struct elsewhere){*state, enter_without_tables, -ENOTSUP, "raw", 0});
    legacy_world_assert_no_tables();
}

static void kernels_without_the_match(void **state)
{
    check_elsewhere(&(struct elsewhere){*state, enter_without_matches, -ENOTSUP, "lacks the match \"bpf\"", 0});
    assert_int_equal(legacy_world_look(*state), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, legacy_world_set_up, legacy_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(wrong_tools_are_reported_in_time),
        TEST(what_was_put_is_taken_back),
        TEST(without_the_tool),
        TEST(with_the_nft_tool_only),
        TEST(with_the_tool_by_its_plain_name),
        TEST(others_hold_the_lock),
        TEST(without_cap_net_raw),
        TEST(without_ipv6_there_is_nothing_to_count),
        TEST(kernels_without_the_tables),
        TEST(kernels_without_the_match),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: netfilter, legacy elsewhere", tests, NULL, NULL);
}
