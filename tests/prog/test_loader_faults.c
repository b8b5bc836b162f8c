/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starts that cannot go well: what they say, and that nothing is changed. Root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>

#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "surroundings.h"

static struct fault fault;

static int set_up(void **state)
{
    *state = fixture_new(false);
    fault.text[0] = '\0';
    return 0;
}

static int set_up_loaded(void **state)
{
    set_up(state);
    struct fixture *fixture = *state;
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
    return 0;
}

static int set_up_loaded_percpu(void **state)
{
    set_up(state);
    struct fixture *fixture = *state;
    fixture->options.percpu = true;
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
    return 0;
}

static const char *path_of(const struct fixture *fixture, enum pin_id id)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", fixture->bpffs, pins[id].path);
    return path;
}

static void check_says(const char *text)
{
    if (!strstr(fault.text, text))
        fail_msg("\"%s\" does not say \"%s\"", fault.text, text);
    assert_null(strchr(fault.text, '\n'));
}

/* The start fails and leaves files, programs and configuration as they were. */
static void check_refused(struct fixture *fixture, int error)
{
    static const uint32_t hooks[] = {BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_SOCK_RELEASE};
    struct attached before[ARRAY_SIZE(hooks)];
    struct loaded *loaded = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
        before[i] = surroundings_attached(fixture->cgroup, hooks[i]);
    _cleanup_free_ char *files = surroundings_list(fixture->bpffs);

    assert_int_equal(loader_start(&fixture->options, true, NULL, &loaded, &fault), error);
    assert_null(loaded);
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
        struct attached after = surroundings_attached(fixture->cgroup, hooks[i]);
        assert_memory_equal(&after, &before[i], sizeof(after));
    }
    _cleanup_free_ char *files_after = surroundings_list(fixture->bpffs);
    assert_string_equal(files_after, files);
}

/* Put a map of that shape in the place of a pin. */
static void replace_by_map(const struct fixture *fixture, enum pin_id id, enum bpf_map_type type, uint32_t key,
                           uint32_t value, uint32_t entries, uint32_t flags)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
    _cleanup_fd_ int fd = bpf_map_create(type, NULL, key, value, entries, &options);
    assert_return_code(fd, errno);
    assert_return_code(unlink(path_of(fixture, id)), errno);
    assert_return_code(bpf_obj_pin(fd, path_of(fixture, id)), errno);
}

static void check_misfit(struct fixture *fixture, enum pin_id id, const char *found, const char *wanted)
{
    check_refused(fixture, -EEXIST);
    check_says(pins[id].path);
    check_says(found);
    check_says(wanted);
    check_says("trafficctl unload");
}

static void misfit_of_size(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.entries[LOAD_COOKIE_TAG] = 5000;
    check_misfit(fixture, PIN_COOKIE_TAG, "10000 entries", "5000 entries");
    check_says("downgrade");
}

static void misfit_of_type(void **state)
{
    replace_by_map(*state, PIN_DOZABLE_UID, BPF_MAP_TYPE_LRU_HASH, 4, 1, TCTL_UID_ENTRIES, 0);
    check_misfit(*state, PIN_DOZABLE_UID, "lru_hash map", "hash map");
}

static void misfit_of_key(void **state)
{
    replace_by_map(*state, PIN_IFACE_STATS, BPF_MAP_TYPE_HASH, 8, 32, TCTL_IFACE_ENTRIES, 0);
    check_misfit(*state, PIN_IFACE_STATS, "key 8", "key 4");
}

static void misfit_of_value(void **state)
{
    replace_by_map(*state, PIN_IFACE_STATS, BPF_MAP_TYPE_HASH, 4, 16, TCTL_IFACE_ENTRIES, 0);
    check_misfit(*state, PIN_IFACE_STATS, "value 16", "value 32");
}

static void misfit_of_flags(void **state)
{
    replace_by_map(*state, PIN_UID_STATS, BPF_MAP_TYPE_HASH, 16, 32, TCTL_STATS_ENTRIES, BPF_F_NO_PREALLOC);
    check_misfit(*state, PIN_UID_STATS, "flags 0x1", "flags 0x0");
}

static void misfit_of_counters(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.percpu = true;
    check_misfit(fixture, PIN_APP_UID_STATS, "hash map", "--counters percpu");
}

/* Each kind of counters has its own. */
static void misfit_of_version(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t zero = 0, ours = fixture->options.percpu ? TCTL_ABI_VERSION_PERCPU : TCTL_ABI_VERSION;
    const uint32_t others[] = {ours - 1, ours + 6};
    struct tctl_state other;
    char found[32], wanted[32];
    assert_true(fixture_get(fixture, PIN_STATE, &zero, &other));
    snprintf(wanted, sizeof(wanted), "this is version %u:", ours);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        other.abi_version = others[i];
        fixture_put(fixture, PIN_STATE, &zero, &other);
        snprintf(found, sizeof(found), "layout version %u of", others[i]);
        check_misfit(fixture, PIN_STATE, found, wanted);
    }
    other.abi_version = ours;
    fixture_put(fixture, PIN_STATE, &zero, &other);
}

/* The kernel cuts a link some time after its last pin has gone: here it is cut before what hangs is looked at. */
static void put_in_place(struct fixture *fixture, enum pin_id from, enum pin_id to)
{
    _cleanup_fd_ int fd = fixture_pin(fixture, from);
    if (pins[to].kind == PIN_LINK)
        fixture_unpin_link(fixture, to);
    else
        assert_return_code(unlink(path_of(fixture, to)), errno);
    assert_return_code(bpf_obj_pin(fd, path_of(fixture, to)), errno);
}

static void misfit_of_a_map_where_a_program_belongs(void **state)
{
    put_in_place(*state, PIN_COOKIE_TAG, PIN_EGRESS_PROG);
    check_misfit(*state, PIN_EGRESS_PROG, "a map", "a program");
}

static void misfit_of_a_program_where_a_link_belongs(void **state)
{
    put_in_place(*state, PIN_EGRESS_PROG, PIN_EGRESS_LINK);
    check_misfit(*state, PIN_EGRESS_LINK, "a program", "a link");
}

static void misfit_of_a_link_where_a_map_belongs(void **state)
{
    put_in_place(*state, PIN_EGRESS_LINK, PIN_STANDBY_UID);
    check_misfit(*state, PIN_STANDBY_UID, "a link", "a map");
}

static void misfit_of_the_program_type(void **state)
{
    put_in_place(*state, PIN_EGRESS_PROG, PIN_XT_EGRESS_PROG);
    check_misfit(*state, PIN_XT_EGRESS_PROG, "cgroup_skb", "socket_filter");
}

static void misfit_of_the_hook(void **state)
{
    put_in_place(*state, PIN_EGRESS_LINK, PIN_RELEASE_LINK);
    check_misfit(*state, PIN_RELEASE_LINK, "a link of another hook", "one of this program");
}

static void misfit_of_a_directory(void **state)
{
    struct fixture *fixture = *state;
    fixture_unpin_link(fixture, PIN_RELEASE_LINK);
    assert_return_code(mkdir(path_of(fixture, PIN_RELEASE_LINK), 0700), errno);
    check_misfit(fixture, PIN_RELEASE_LINK, "a directory", "a link");
    assert_return_code(rmdir(path_of(fixture, PIN_RELEASE_LINK)), errno);
}

/* A program that suffers no other makes the last hook fail: by then everything else is loaded, pinned and attached. */
static void half_a_start_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.bpffs_search = true;
    surroundings_attach_alone(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
    check_refused(fixture, -EPERM);
    check_says("another program");
    surroundings_detach(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
}

static void half_a_start_names_the_map_that_does_not_fit_in(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.entries[LOAD_TAG_STATS] = UINT32_MAX - 100000;
    check_refused(fixture, -E2BIG);
    check_says("tag_stats_map");
}

static void half_a_start_leaves_no_mount(void **state)
{
    struct fixture *fixture = *state;
    struct statfs status;
    struct loaded *loaded = NULL;
    assert_return_code(umount(fixture->bpffs), errno);
    surroundings_attach_alone(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
    assert_int_equal(loader_start(&fixture->options, true, NULL, &loaded, &fault), -EPERM);
    assert_return_code(statfs(fixture->bpffs, &status), errno);
    assert_int_not_equal(status.f_type, BPF_FS_MAGIC);
    surroundings_detach(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
    fixture_load(fixture);
    fixture->loaded = loaded_free(fixture->loaded);
}

static void half_a_start_gives_back_what_was_there(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t zero = 0;
    struct tctl_config before, after;
    uint64_t generation, later;
    fixture_unpin_link(fixture, PIN_INGRESS_LINK);
    surroundings_attach_alone(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &before));
    fixture->options.app_uids[0] = (struct uid_range){7, 8};
    fixture->options.read_group = "4711";
    assert_true(fixture_get(fixture, PIN_GENERATION, &zero, &generation));
    check_refused(fixture, -EPERM);
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &after));
    assert_memory_equal(&after, &before, sizeof(after));
    assert_true(fixture_get(fixture, PIN_GENERATION, &zero, &later));
    assert_true(later >= generation + 2); /* for the new one, and for the old one again */
    surroundings_detach(fixture->cgroup, BPF_CGROUP_INET_INGRESS);
}

static void foreign_file_system_is_named(void **state)
{
    struct fixture *fixture = *state;
    char file[PATH_MAX];
    assert_return_code(umount(fixture->bpffs), errno);
    assert_return_code(mount("tmpfs", fixture->bpffs, "tmpfs", 0, NULL), errno);
    check_refused(fixture, -EMEDIUMTYPE);
    check_says("tmpfs");
    check_says("--bpffs");
    snprintf(file, sizeof(file), "%s/file", fixture->bpffs);
    assert_return_code(mkdir(file, 0700), errno);
    check_refused(fixture, -EMEDIUMTYPE);
    assert_int_equal(loader_unload(fixture->bpffs, &fault), -EMEDIUMTYPE);
    assert_return_code(umount(fixture->bpffs), errno);
    assert_return_code(mount("bpf", fixture->bpffs, "bpf", 0, "mode=0700"), errno);
}

static void directory_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct loaded *loaded = NULL;
    fixture->options.bpffs = "/tmp/trafficctl-is-not-here";
    assert_int_equal(loader_start(&fixture->options, true, NULL, &loaded, &fault), -ENOENT);
    check_says("/tmp/trafficctl-is-not-here");
    fixture->options.bpffs = fixture->bpffs;
}

static void cgroup_of_another_kind(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.cgroup = "/proc/self";
    check_refused(fixture, -EMEDIUMTYPE);
    check_says("proc");
    check_says("cgroup2");
    fixture->options.cgroup = "/tmp/trafficctl-is-not-here";
    check_refused(fixture, -ENOENT);
    check_says("/tmp/trafficctl-is-not-here");
}

/* What a child tries, and what has to come of it. */
struct attempt {
    struct fixture *fixture;
    int error;
    const char *says;
};

static int attempt(const struct attempt *attempt)
{
    struct loaded *loaded = NULL;
    int r = loader_start(&attempt->fixture->options, false, NULL, &loaded, &fault);
    loaded_free(loaded);
    if (r == attempt->error && (!attempt->says || strstr(fault.text, attempt->says)))
        return 0;
    fprintf(stderr, "expected %d, got %d: %s\n", attempt->error, r, fault.text);
    return 1;
}

static int without_capabilities(void *context)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    return syscall(SYS_capset, &header, none) < 0 ? 2 : attempt(context);
}

static int as_plain_user(void *context)
{
    return setresgid(10001, 10001, 10001) < 0 || setresuid(10001, 10001, 10001) < 0 ? 2 : attempt(context);
}

static void privilege_of_a_plain_user_is_none(void **state)
{
    struct attempt refused = {*state, -EPERM, "CAP_NET_ADMIN"};
    assert_int_equal(surroundings_wait(surroundings_fork(as_plain_user, &refused)), 0);
}

static void privilege_that_is_missing_is_named(void **state)
{
    struct attempt refused = {*state, -EPERM, "CAP_BPF"};
    struct fixture *fixture = *state;
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    assert_int_equal(surroundings_wait(surroundings_fork(without_capabilities, &refused)), 0);
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    assert_string_equal(after, before);

    assert_return_code(umount(fixture->bpffs), errno);
    refused.says = "CAP_SYS_ADMIN";
    assert_int_equal(surroundings_wait(surroundings_fork(without_capabilities, &refused)), 0);
    assert_return_code(mount("bpf", fixture->bpffs, "bpf", 0, "mode=0700"), errno);
}

static void privilege_is_not_needed_to_adopt(void **state)
{
    struct attempt adopted = {*state, 0, NULL};
    struct fixture *fixture = *state;
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    assert_int_equal(surroundings_wait(surroundings_fork(without_capabilities, &adopted)), 0);
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    assert_string_equal(after, before);
}

static void privilege_is_needed_for_what_is_not_there(void **state)
{
    struct attempt refused = {*state, -EPERM, "CAP_BPF"};
    struct fixture *fixture = *state;
    assert_return_code(unlink(path_of(fixture, PIN_INGRESS_LINK)), errno);
    assert_int_equal(surroundings_wait(surroundings_fork(without_capabilities, &refused)), 0);
}

static int without_types(void *context)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/sys/kernel/btf", "tmpfs", 0, NULL) < 0)
        return 2;
    return attempt(context);
}

static void kernel_without_types_is_served(void **state)
{
    struct fixture *fixture = *state;
    struct attempt served = {fixture, 0, NULL};
    const struct packet packet = packet_ipv4(17, 0, 80);
    const uint32_t root = 0;
    assert_int_equal(surroundings_wait(surroundings_fork(without_types, &served)), 0);
    assert_int_equal(fixture_run(fixture, PIN_EGRESS_PROG, &packet, 3), 1);
    assert_int_equal(fixture_row(fixture, PIN_APP_UID_STATS, &root).tx_bytes, 300);
    for (enum pin_id id = PIN_STORED_SOCKETS; id <= PIN_PEERS; id++)
        assert_int_equal(access(path_of(fixture, id), F_OK), -1);
}

static void running_trafficd_is_named(void **state)
{
    struct fixture *fixture = *state;
    char pid[32];
    snprintf(pid, sizeof(pid), "pid %d)", (int)getpid());
    fixture_load(fixture);
    check_refused(fixture, -EBUSY);
    check_says(pid);
    assert_int_equal(loader_unload(fixture->bpffs, &fault), -EBUSY);
    check_says(pid);
}

static void writer_that_holds_on_is_named(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX], pid[32];
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, fixture->bpffs);
    snprintf(pid, sizeof(pid), "pid %d)", (int)getpid());
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_return_code(flock(fd, LOCK_EX), errno);
    check_refused(fixture, -EBUSY);
    check_says(pid);
}

#define EMPTY(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)
#define LOADED(test) cmocka_unit_test_setup_teardown(test, set_up_loaded, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED(misfit_of_size),
        LOADED(misfit_of_type),
        LOADED(misfit_of_key),
        LOADED(misfit_of_value),
        LOADED(misfit_of_flags),
        LOADED(misfit_of_counters),
        LOADED(misfit_of_version),
        cmocka_unit_test_setup_teardown(misfit_of_version, set_up_loaded_percpu, fixture_tear_down),
        LOADED(misfit_of_a_map_where_a_program_belongs),
        LOADED(misfit_of_a_program_where_a_link_belongs),
        LOADED(misfit_of_a_link_where_a_map_belongs),
        LOADED(misfit_of_the_program_type),
        LOADED(misfit_of_the_hook),
        LOADED(misfit_of_a_directory),
        EMPTY(half_a_start_leaves_nothing),
        EMPTY(half_a_start_names_the_map_that_does_not_fit_in),
        EMPTY(half_a_start_leaves_no_mount),
        LOADED(half_a_start_gives_back_what_was_there),
        EMPTY(foreign_file_system_is_named),
        EMPTY(directory_that_is_not_there),
        EMPTY(cgroup_of_another_kind),
        EMPTY(privilege_of_a_plain_user_is_none),
        LOADED(privilege_of_a_plain_user_is_none),
        EMPTY(privilege_that_is_missing_is_named),
        LOADED(privilege_is_not_needed_to_adopt),
        LOADED(privilege_is_needed_for_what_is_not_there),
        EMPTY(kernel_without_types_is_served),
        EMPTY(running_trafficd_is_named),
        LOADED(writer_that_holds_on_is_named),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: loader, faults", tests, NULL, NULL);
}
