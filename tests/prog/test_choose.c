/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which backend is taken, in a network namespace without any rules, on kernels that lack this and that. Root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/netlink.h>

#include <trafficctl/traffic.h>

#include "choose.h"
#include "denial.h"
#include "effective.h"
#include "fd.h"
#include "loopback.h"
#include "pins.h"
#include "place.h"
#include "ruleset.h"
#include "schema.h"
#include "state.h"
#include "surroundings.h"

#define NOBODY 65534

static char place[64];

/* What is asked for where, and what has to come of it. */
struct row {
    const char *label;
    const char *bpffs; /* NULL: place */
    enum load_backend asked;
    const char *cgroup;
    enum load_netfilter netfilter;
    bool percpu;
    uint32_t per_user_range;
    uint64_t denied; /* commands of bpf(2) */
    int denied_error;
    int (*before)(void); /* NULL: nothing */

    int error;
    enum load_backend chosen;
    const char *says; /* in the reason, or in the fault */
    unsigned int warnings;
};

static unsigned int warnings;

static void count_warning(const char *text)
{
    (void)text;
    warnings++;
}

static bool is_right(const struct row *row, int r, enum load_backend chosen, const char *why, const struct fault *fault)
{
    const char *said = r < 0 ? fault->text : why;
    if (r != row->error || warnings != row->warnings)
        return false;
    if (r == 0 && chosen != row->chosen)
        return false;
    return row->says ? strstr(said, row->says) != NULL : *said == '\0';
}

static int choose(const struct row *row)
{
    struct load_options options = {
        .backend = row->asked,
        .bpffs = row->bpffs ?: place,
        .cgroup = row->cgroup,
        .netfilter = row->netfilter,
        .percpu = row->percpu,
        .app_uids = {{10000, 19999}},
        .app_uid_count = 1,
        .per_user_range = row->per_user_range,
    };
    char why[LOAD_WHY_LEN] = "";
    struct fault fault = {0};
    enum load_backend chosen = LOAD_BACKEND_AUTO;
    for (int map = 0; map < LOAD_MAPS; map++)
        options.entries[map] = load_map_default_entries(map);
    warnings = 0;
    int r = choose_backend(&options, count_warning, &chosen, why, &fault);
    if (is_right(row, r, chosen, why, &fault))
        return 0;
    fprintf(stderr, "%s: %d, %s, why '%s', fault '%s', %u warnings\n", row->label, r, load_backend_name(chosen), why,
            fault.text, warnings);
    return 1;
}

static int attempt(void *context)
{
    const struct row *row = context;
    if (row->before && row->before() < 0)
        return 2;
    if (row->denied && denial_of_bpf(row->denied, row->denied_error) < 0)
        return 2;
    return choose(row);
}

/* Asking changes nothing. */
static void check(struct row *rows, size_t count)
{
    _cleanup_free_ char *rules = ruleset_everything(false), *files = surroundings_list(place);
    for (size_t i = 0; i < count; i++)
        if (surroundings_wait(surroundings_fork(attempt, &rows[i])) != 0)
            fail_msg("%s", rows[i].label);
    _cleanup_free_ char *rules_then = ruleset_everything(false), *files_then = surroundings_list(place);
    assert_string_equal(rules_then, rules);
    assert_string_equal(files_then, files);
}
#define CHECK(rows) check(rows, ARRAY_SIZE(rows))

/* For this process alone. */
static int without(uint64_t capabilities)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    data[0].effective &= ~(uint32_t)capabilities;
    data[1].effective &= ~(uint32_t)(capabilities >> 32);
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int as_nobody(void)
{
    return setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ? -errno : 0;
}

static int without_bpf(void)
{
    return without(UINT64_C(1) << CAP_BPF | UINT64_C(1) << CAP_SYS_ADMIN);
}

static int without_mounting(void)
{
    return without(UINT64_C(1) << CAP_SYS_ADMIN);
}

static int without_net_admin(void)
{
    return without(UINT64_C(1) << CAP_NET_ADMIN);
}

static int with_little_memlock(void)
{
    const struct rlimit little = {65536, 65536};
    return setrlimit(RLIMIT_MEMLOCK, &little) < 0 ? -errno : without(UINT64_C(1) << CAP_SYS_RESOURCE);
}

static int write_line(const char *path, const char *text)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Root of a user namespace and of a network namespace of it, as in an unprivileged container. */
static int in_container(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return -errno;
    return write_line("/proc/self/uid_map", "0 0 1");
}

static int in_container_with_little_memlock(void)
{
    int r = in_container();
    return r < 0 ? r : with_little_memlock();
}

static int under_own_mounts(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -errno;
    return 0;
}

/* For this process, as if it had none of these. */
static int hide(const char *file)
{
    return mount("/dev/null", file, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int without_mounted_cgroup2(void)
{
    int r = under_own_mounts();
    return r < 0 ? r : hide("/proc/self/mountinfo");
}

static int without_cgroup2(void)
{
    int r = without_mounted_cgroup2();
    return r < 0 ? r : hide("/proc/filesystems");
}

static int without_mounted_cgroup2_and_mounting(void)
{
    int r = without_mounted_cgroup2();
    return r < 0 ? r : without_mounting();
}

static int without_bpffs_and_mounting(void)
{
    int r = under_own_mounts();
    return r < 0 || umount2(place, MNT_DETACH) < 0 ? -errno : without_mounting();
}

static int without_bpffs(void)
{
    int r = under_own_mounts();
    return r < 0 || umount2(place, MNT_DETACH) < 0 ? -errno : 0;
}

static int without_its_directory(void)
{
    int r = under_own_mounts();
    return r < 0 || mount("none", "/sys/fs", "tmpfs", 0, NULL) < 0 ? -errno : 0;
}

static int without_nf_tables(void)
{
    return denial_of_argument(__NR_socket, 2, NETLINK_NETFILTER, EPROTONOSUPPORT);
}

static int set_up(void **state)
{
    (void)state;
    loopback_enter();
    strcpy(place, "/tmp/test_choose.XXXXXX");
    assert_non_null(mkdtemp(place));
    assert_return_code(mount("bpf", place, "bpf", 0, "mode=0755"), errno);
    return 0;
}

static void remove_state(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", place, pins[PIN_STATE].path);
    unlink(path);
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, place);
    rmdir(path);
}

static int tear_down(void **state)
{
    (void)state;
    umount2(place, MNT_DETACH);
    remove_state();
    rmdir(place);
    return 0;
}

#define NO_PROGRAMS .denied = DENIAL_OF(BPF_PROG_LOAD), .denied_error = EINVAL
#define BPF .chosen = LOAD_BACKEND_BPF
#define NFT .chosen = LOAD_BACKEND_NFT
#define LACKS_PROGRAMS "this kernel lacks CONFIG_CGROUP_BPF"

static void a_kernel_that_can_has_programs(void **state)
{
    (void)state;
    struct row rows[] = {
        {"auto", BPF},
        {"bpf", .asked = LOAD_BACKEND_BPF, BPF},
        {"bpf, that cannot be had", .asked = LOAD_BACKEND_BPF, NO_PROGRAMS, BPF},
        {"all that only programs can", .cgroup = "/", .netfilter = LOAD_NETFILTER_LINK, .percpu = true, BPF},
        {"a bpffs can be mounted", .before = without_bpffs, BPF},
        {"cgroup2 can be mounted", .before = without_mounted_cgroup2, BPF},
    };
    CHECK(rows);
}

static void a_lack_leads_to_nf_tables(void **state)
{
    (void)state;
    struct row rows[] = {
        {"no programs of control groups", NO_PROGRAMS, NFT, .says = LACKS_PROGRAMS},
        {"no links", .denied = DENIAL_OF(BPF_LINK_CREATE), .denied_error = EINVAL, NFT,
         .says = "this kernel lacks BPF links"},
        {"no bpf(2)", .denied = DENIAL_ALL, .denied_error = ENOSYS, NFT,
         .says = "this kernel lacks CONFIG_BPF_SYSCALL"},
        {"seccomp", .denied = DENIAL_ALL, .denied_error = EPERM, NFT, .says = "bpf(2): Operation not permitted"},
        {"attaching alone is denied", .denied = DENIAL_OF(BPF_LINK_CREATE), .denied_error = EPERM, NFT,
         .says = "bpf(2): Operation not permitted"},
        {"a container", .before = in_container, NFT, .says = "bpf(2): Operation not permitted"},
        {"a container, memlock", .before = in_container_with_little_memlock, NFT,
         .says = "bpf(2): Operation not permitted"},
        {"root without CAP_BPF", .before = without_bpf, NFT, .says = "lacks CAP_BPF or CAP_PERFMON"},
        {"no cgroup2", .before = without_cgroup2, NFT, .says = "this kernel lacks cgroup2"},
        {"no mounted cgroup2", .before = without_mounted_cgroup2_and_mounting, NFT, .says = "no cgroup2 is mounted"},
        {"no mounted bpffs", .before = without_bpffs_and_mounting, NFT, .says = "no bpffs is mounted"},
        {"no /sys/fs/bpf", TCTL_BPFFS, .before = without_its_directory, NFT, .says = "there is no /sys/fs/bpf"},
    };
    CHECK(rows);
}

/* BPF's own complaint is the right one. */
static void nothing_else_leads_there(void **state)
{
    (void)state;
    struct row rows[] = {
        {"a plain user", .before = as_nobody, NO_PROGRAMS, BPF},
        {"root without CAP_NET_ADMIN", .before = without_net_admin, NO_PROGRAMS, BPF},
        {"a full memlock", .before = with_little_memlock, .denied = DENIAL_OF(BPF_PROG_LOAD), .denied_error = EPERM,
         BPF},
        {"no memory", .denied = DENIAL_OF(BPF_PROG_LOAD), .denied_error = ENOMEM, BPF},
        {"no file left", .denied = DENIAL_OF(BPF_PROG_LOAD), .denied_error = EMFILE, BPF},
        {"attached by others", .denied = DENIAL_OF(BPF_LINK_CREATE), .denied_error = EBUSY, BPF},
        {"no such directory", "/nonexistent", .before = without_mounting, BPF},
        {"no bpffs", "/proc", .before = without_mounting, BPF},
        {"no such group", .cgroup = "/nonexistent", .before = without_mounted_cgroup2_and_mounting, BPF},
    };
    CHECK(rows);
}

static void what_only_programs_can_is_refused_or_ignored(void **state)
{
    (void)state;
    const enum load_backend nft = LOAD_BACKEND_NFT;
    struct row rows[] = {
        {"nft", .asked = nft, NFT, .says = "--backend nft"},
        {"nft, auto", .asked = nft, .netfilter = LOAD_NETFILTER_AUTO, NFT, .says = "--backend nft"},
        {"nft, group", .asked = nft, .cgroup = "/", .error = -EINVAL, .says = "leave out --cgroup"},
        {"nft, link", .asked = nft, .netfilter = LOAD_NETFILTER_LINK, .error = -EINVAL,
         .says = "leave out --netfilter"},
        {"nft, percpu", .asked = nft, .percpu = true, .error = -EINVAL, .says = "leave out --counters percpu"},
        {"nft, nobody", .asked = nft, .before = as_nobody, .error = -EPERM, .says = "run it as root"},
        {"auto, group", .cgroup = "/", NO_PROGRAMS, .error = -EINVAL,
         .says = LACKS_PROGRAMS ", and nf_tables counts the"},
        {"auto, link", .netfilter = LOAD_NETFILTER_LINK, NO_PROGRAMS, NFT, .says = LACKS_PROGRAMS, .warnings = 1},
        {"auto, percpu", .percpu = true, NO_PROGRAMS, NFT, .says = LACKS_PROGRAMS, .warnings = 1},
        {"auto, both", .netfilter = LOAD_NETFILTER_NFT, .percpu = true, NO_PROGRAMS, NFT, .says = LACKS_PROGRAMS,
         .warnings = 1},
    };
    CHECK(rows);
}

static void where_neither_can_be_had_both_are_named(void **state)
{
    (void)state;
    struct row rows[] = {
        {"no nf_tables", NO_PROGRAMS, .before = without_nf_tables, .error = -ENOTSUP,
         .says = LACKS_PROGRAMS ", and nf_tables will not do either: "},
        {"too many ranges", NO_PROGRAMS, .per_user_range = 20000, .error = -ENOTSUP, .says = "raise per_user_range"},
    };
    CHECK(rows);
    struct row foreign[] = {{"another's table", NO_PROGRAMS, .error = -ENOTSUP, .says = "not ours"}};
    ruleset_run("nft add table inet " NFT_USERS);
    CHECK(foreign);
}

/* Its state is pinned; what kind of map it is in matters to nobody here. */
static void pin_state(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, place);
    assert_return_code(mkdir(path, 0711), errno);
    snprintf(path, sizeof(path), "%s/%s", place, pins[PIN_STATE].path);
    _cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, sizeof(struct tctl_state), 1, NULL);
    assert_return_code(bpf_obj_pin(fd, path), errno);
}

static void programs_that_are_loaded_stay(void **state)
{
    (void)state;
    struct row rows[] = {
        {"auto", BPF},
        {"auto, no programs", NO_PROGRAMS, BPF},
        {"auto, adopted by who may not load", .before = without_bpf, BPF},
        {"bpf", .asked = LOAD_BACKEND_BPF, BPF},
        {"nft", .asked = LOAD_BACKEND_NFT, .error = -EEXIST, .says = "trafficctl unload"},
    };
    pin_state();
    CHECK(rows);
}

/* On any file system. */
static void make_state(const char *options)
{
    char path[128];
    struct tctl_state *made = NULL;
    assert_return_code(umount2(place, MNT_DETACH), errno);
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, place);
    assert_return_code(mkdir(path, 0711), errno);
    assert_int_equal(state_make_file(place, 0, &made), 0);
    strcpy(made->options, options);
    state_unmap(made);
}

static void nf_tables_that_counts_stays(void **state)
{
    (void)state;
    struct row rows[] = {
        {"auto", NFT, .says = "for a reason"},
        {"nft", .asked = LOAD_BACKEND_NFT, NFT, .says = "--backend nft"},
        {"bpf", .asked = LOAD_BACKEND_BPF, .error = -EEXIST, .says = "trafficctl unload"},
        {"bpf, nobody", .asked = LOAD_BACKEND_BPF, .before = as_nobody, .error = -EEXIST, .says = "trafficctl unload"},
        {"auto, nobody", .before = as_nobody, .error = -EPERM, .says = "run it as root"},
        {"auto, group", .cgroup = "/", .error = -EINVAL, .says = "leave out --cgroup"},
        {"auto, percpu", .percpu = true, NFT, .says = "for a reason", .warnings = 1},
    };
    make_state("[trafficd]\nbackend = auto\n" EFFECTIVE_WHY " = for a reason\n");
    assert_return_code(chmod(place, 0755), errno);
    CHECK(rows);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kernel_that_can_has_programs),
        TEST(a_lack_leads_to_nf_tables),
        TEST(nothing_else_leads_there),
        TEST(what_only_programs_can_is_refused_or_ignored),
        TEST(where_neither_can_be_had_both_are_named),
        TEST(programs_that_are_loaded_stay),
        TEST(nf_tables_that_counts_stays),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: choose", tests, NULL, NULL);
}
