/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starts that go well: what is made, what stays from start to start, what is taken down. Root. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "cut_off.h"
#include "fd.h"
#include "fixture.h"
#include "surroundings.h"

#define ALL ((1u << TCTL_PROGRAMS) - 1)
#define GROUP 4711
#define GROUP_TEXT "4711"

static const struct tctl_stats_key UID_KEY = {.uid = 10001, .iface_index = 1};
static const struct tctl_stats_value COUNTED = {1, 2, 3, 4};

static void stop(struct fixture *fixture)
{
    fixture->loaded = loaded_free(fixture->loaded);
}

static uint32_t link_id(const struct fixture *fixture, enum pin_id id)
{
    struct bpf_link_info info = {0};
    uint32_t length = sizeof(info);
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.id;
}

static uint32_t program_id(const struct fixture *fixture, enum pin_id id)
{
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(info);
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.id;
}

static struct tctl_state state_of(const struct fixture *fixture)
{
    const uint32_t zero = 0;
    struct tctl_state state;
    assert_true(fixture_get(fixture, PIN_STATE, &zero, &state));
    return state;
}

/* Each hook has the pinned program, once. */
static void check_attached(const struct fixture *fixture)
{
    static const struct {
        uint32_t attach_type;
        enum pin_id program;
    } hooks[] = {
        {BPF_CGROUP_INET_INGRESS, PIN_INGRESS_PROG},
        {BPF_CGROUP_INET_EGRESS, PIN_EGRESS_PROG},
        {BPF_CGROUP_INET_SOCK_RELEASE, PIN_RELEASE_PROG},
    };
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
        struct attached attached = surroundings_attached(fixture->options.cgroup, hooks[i].attach_type);
        assert_int_equal(attached.count, 1);
        assert_int_equal(attached.ids[0], program_id(fixture, hooks[i].program));
    }
}

static void check_owner(const struct fixture *fixture, const char *below, gid_t gid, mode_t mode)
{
    struct stat status;
    assert_return_code(stat(fixture_path(fixture, below), &status), errno);
    assert_int_equal(status.st_uid, 0);
    assert_int_equal(status.st_gid, gid);
    assert_int_equal(status.st_mode & 0777, mode);
}

/* Pinned with --netfilter link only. */
static bool is_of_links(int id)
{
    return id == PIN_LINK_CALLS || id == PIN_LINK_INGRESS_PROG || id == PIN_LINK_EGRESS_PROG ||
           (id >= PIN_PREROUTING4_LINK && id <= PIN_POSTROUTING6_LINK);
}

static void loader_makes_every_pin_with_its_owner(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.accounting_group = GROUP_TEXT;
    fixture->options.read_group = "4712";
    fixture->options.bpffs_search = true;
    fixture_load(fixture);
    check_attached(fixture);
    for (int id = 0; id < PINS; id++) {
        static const gid_t groups[] = {[PIN_ROOT] = 0, [PIN_ACCOUNTING] = GROUP, [PIN_READERS] = 4712};
        if (!(id >= PIN_SPILL && id <= PIN_HOT_MOVES) && !is_of_links(id))
            check_owner(fixture, pins[id].path, groups[pins[id].owner], pins[id].owner == PIN_ROOT ? 0600 : 0640);
    }
    check_owner(fixture, "", 0, 0711);
    check_owner(fixture, TCTL_DIR, 0, 0711);
    check_owner(fixture, PINS_RUNNING_DIR, 0, 0700);
    assert_int_equal(access(fixture_path(fixture, TCTL_DIR "/new"), F_OK), -1);
    assert_int_equal(access(fixture_path(fixture, pins[PIN_SPILL].path), F_OK), -1);
}

static uint32_t entries(const struct fixture *fixture, enum pin_id id)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.max_entries;
}

static void loader_sizes_its_own_maps_by_the_others(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.entries[LOAD_COOKIE_TAG] = 300;
    fixture->options.entries[LOAD_APP_UID_STATS] = 500;
    fixture->options.entries[LOAD_UID_STATS] = 700;
    fixture->options.entries[LOAD_TAG_STATS] = 40;
    fixture_load(fixture);
    assert_int_equal(entries(fixture, PIN_ROW_COUNT), 700);
    assert_int_equal(entries(fixture, PIN_TAGS_ENDED), 700);
    assert_int_equal(entries(fixture, PIN_TAG_COUNT), 2 * (300 + 40));
    assert_int_equal(entries(fixture, PIN_LIVE), 300);
    assert_int_equal(entries(fixture, PIN_DELETIONS), TCTL_UID_ENTRIES);
}

static void loader_leaves_the_root_alone_if_told(void **state)
{
    struct fixture *fixture = *state;
    fixture_load(fixture);
    check_owner(fixture, "", 0, 0700);
}

static unsigned int warnings;
static char warning[256];

static void note_warning(const char *text)
{
    warnings++;
    snprintf(warning, sizeof(warning), "%s", text);
}

static void loader_falls_back_to_root_without_the_group(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.read_group = "no_such_group";
    warnings = 0;
    assert_int_equal(loader_start(&fixture->options, true, note_warning, &fixture->loaded, NULL), 0);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warning, "no_such_group"));
    check_owner(fixture, pins[PIN_UID_STATS].path, 0, 0640);
}

static void loader_writes_what_it_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t zero = 0;
    struct tctl_config config;
    struct stat netns;
    fixture->options.app_uids[0] = (struct uid_range){1000, 60000};
    fixture->options.per_user_range = 100000;
    fixture->options.rows_per_uid = 0;
    fixture->options.entries[LOAD_TAG_STATS] = 7;
    fixture->options.effective = "counters = shared\n";
    fixture_load(fixture);
    assert_return_code(stat("/proc/self/ns/net", &netns), errno);
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &config));
    assert_int_equal(config.range_count, 1);
    assert_int_equal(config.app_uids[0].first, 1000);
    assert_int_equal(config.app_uids[0].last, 60000);
    assert_int_equal(config.per_user_range, 100000);
    assert_int_equal(config.fold_user_namespaces, 1);
    assert_int_equal(config.netns_inum, netns.st_ino);
    assert_int_equal(config.row_limit[TCTL_APP_UID_STATS], TCTL_STATS_ENTRIES / 8);
    assert_int_equal(config.row_limit[TCTL_TAG_STATS], 1);

    struct tctl_state written = state_of(fixture);
    assert_int_equal(written.abi_version, TCTL_ABI_VERSION);
    assert_int_equal(written.wanted, ALL);
    assert_int_equal(written.netns_inum, netns.st_ino);
    assert_true(written.since_sec > 0 && strlen(written.boot_id) == 36);
    assert_string_equal(written.options, "counters = shared\n");
}

static void loader_names_interfaces(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t loopback = 1;
    char name[TCTL_IFNAME_LEN];
    fixture_load(fixture);
    assert_true(fixture_get(fixture, PIN_IFACE_INDEX_NAME, &loopback, name));
    assert_string_equal(name, "lo");
}

static void put_counts(const struct fixture *fixture)
{
    const uint32_t cpus = 64;
    struct tctl_stats_value *values = calloc(cpus, sizeof(*values));
    assert_non_null(values);
    values[0] = COUNTED;
    fixture_put(fixture, PIN_UID_STATS, &UID_KEY, values);
    free(values);
    fixture_put(fixture, PIN_DOZABLE_UID, &UID_KEY.uid, &(uint8_t){1});
    fixture_put(fixture, PIN_COOKIE_TAG, &(uint64_t){1}, &(struct tctl_tag){10001, 42});
    int fd = fixture_pin(fixture, PIN_STATE);
    struct tctl_state lossy = state_of(fixture);
    lossy.lost[TCTL_UID_STATS] = 5;
    lossy.since_sec = 1000;
    assert_return_code(bpf_map_update_elem(fd, &(uint32_t){0}, &lossy, BPF_ANY), errno);
    fd_close(fd);
}

static void check_counts(const struct fixture *fixture)
{
    uint8_t listed = 0;
    struct tctl_tag tag = {0};
    struct tctl_stats_value row = fixture_row(fixture, PIN_UID_STATS, &UID_KEY);
    assert_memory_equal(&row, &COUNTED, sizeof(row));
    assert_true(fixture_get(fixture, PIN_DOZABLE_UID, &UID_KEY.uid, &listed));
    assert_int_equal(listed, 1);
    assert_true(fixture_get(fixture, PIN_COOKIE_TAG, &(uint64_t){1}, &tag));
    assert_int_equal(tag.tag, 42);
    assert_int_equal(fixture_lost(fixture, TCTL_UID_STATS), 5);
    assert_int_equal(state_of(fixture).since_sec, 1000);
}

static void start_again(struct fixture *fixture)
{
    fixture_load(fixture);
    put_counts(fixture);
    const enum pin_id links[] = {PIN_INGRESS_LINK, PIN_EGRESS_LINK, PIN_RELEASE_LINK};
    uint32_t ids[ARRAY_SIZE(links)], old = program_id(fixture, PIN_EGRESS_PROG);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        ids[i] = link_id(fixture, links[i]);
    stop(fixture);
    fixture_load(fixture);
    check_counts(fixture);
    check_attached(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        assert_int_equal(link_id(fixture, links[i]), ids[i]);
    assert_int_not_equal(program_id(fixture, PIN_EGRESS_PROG), old);
}

static void loader_starts_again_over_what_is_there(void **state)
{
    start_again(*state);
}

static void loader_starts_again_over_percpu_counters(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.percpu = true;
    start_again(fixture);
}

/* The kernel cuts the links of a removed group in its own time and tells nobody. */
static void wait_until_cut(struct fixture *fixture)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct load_seen seen = {.attached = ALL};
    for (int i = 0; i < 10000 && seen.attached; i++) {
        assert_int_equal(loader_watch(fixture->loaded, &seen), 0);
        nanosleep(&moment, NULL);
    }
    assert_int_equal(seen.attached, 0);
    assert_int_equal(seen.missing, ALL);
}

static void loader_replaces_links_of_a_removed_cgroup(void **state)
{
    struct fixture *fixture = *state;
    fixture_load(fixture);
    put_counts(fixture);
    assert_return_code(rmdir(fixture->cgroup), errno);
    assert_return_code(mkdir(fixture->cgroup, 0755), errno);
    wait_until_cut(fixture);
    stop(fixture);
    fixture_load(fixture);
    check_attached(fixture);
    check_counts(fixture);
}

static void loader_moves_to_another_cgroup(void **state)
{
    struct fixture *fixture = *state;
    char other[PATH_MAX];
    fixture_load(fixture);
    stop(fixture);
    snprintf(other, sizeof(other), "%s/other", fixture->cgroup);
    assert_return_code(mkdir(other, 0755), errno);
    fixture->options.cgroup = other;
    fixture_load(fixture);
    check_attached(fixture);
    assert_int_equal(surroundings_attached(fixture->cgroup, BPF_CGROUP_INET_EGRESS).count, 0);
    fixture->options.cgroup = fixture->cgroup;
    stop(fixture);
    assert_return_code(rmdir(other), errno);
}

static void loader_makes_what_is_missing(void **state)
{
    struct fixture *fixture = *state;
    struct load_seen seen;
    fixture_load(fixture);
    put_counts(fixture);
    assert_return_code(unlink(fixture_path(fixture, pins[PIN_EGRESS_LINK].path)), errno);
    assert_return_code(unlink(fixture_path(fixture, pins[PIN_EGRESS_PROG].path)), errno);
    assert_return_code(unlink(fixture_path(fixture, pins[PIN_CONFIG].path)), errno);
    assert_int_equal(loader_watch(fixture->loaded, &seen), 0);
    assert_int_equal(seen.missing, 1 << TCTL_PROG_EGRESS);
    assert_int_equal(state_of(fixture).attached, ALL & ~seen.missing);
    stop(fixture);
    fixture_load(fixture);
    check_attached(fixture);
    check_counts(fixture);
}

static void loader_removes_leftovers_of_a_killed_start(void **state)
{
    struct fixture *fixture = *state;
    fixture_load(fixture);
    stop(fixture);
    assert_return_code(mkdir(fixture_path(fixture, TCTL_DIR "/new"), 0700), errno);
    _cleanup_fd_ int fd = fixture_pin(fixture, PIN_INGRESS_PROG);
    assert_return_code(bpf_obj_pin(fd, fixture_path(fixture, TCTL_DIR "/new/ingress_prog")), errno);
    fixture_load(fixture);
    assert_int_equal(access(fixture_path(fixture, TCTL_DIR "/new"), F_OK), -1);
    check_attached(fixture);
}

static void loader_recounts_rows(void **state)
{
    struct fixture *fixture = *state;
    struct tctl_row_count count = {.rows = {9, 9, 9, 9}};
    struct tctl_stats_key tagged = {.uid = 10001, .tag = 1, .iface_index = 1}, second = {.uid = 10001};
    fixture_load(fixture);
    fixture_put(fixture, PIN_APP_UID_STATS, &UID_KEY.uid, &COUNTED);
    fixture_put(fixture, PIN_UID_STATS, &UID_KEY, &COUNTED);
    fixture_put(fixture, PIN_UID_STATS, &second, &COUNTED);
    fixture_put(fixture, PIN_TAG_STATS, &tagged, &COUNTED);
    fixture_put(fixture, PIN_ROW_COUNT, &UID_KEY.uid, &count);
    fixture_put(fixture, PIN_ROW_COUNT, &(uint32_t){10002}, &count);
    stop(fixture);
    fixture_load(fixture);
    assert_true(fixture_get(fixture, PIN_ROW_COUNT, &UID_KEY.uid, &count));
    assert_int_equal(count.rows[TCTL_APP_UID_STATS], 1);
    assert_int_equal(count.rows[TCTL_UID_STATS], 2);
    assert_int_equal(count.rows[TCTL_TAG_STATS], 1);
    assert_int_equal(count.rows[TCTL_IFACE_STATS], 0);
    assert_false(fixture_get(fixture, PIN_ROW_COUNT, &(uint32_t){10002}, &count));
}

static void loader_applies_what_sighup_may_change(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t zero = 0;
    struct tctl_config config;
    uint64_t before, after;
    fixture_load(fixture);
    assert_true(fixture_get(fixture, PIN_GENERATION, &zero, &before));
    struct load_options changed = fixture->options;
    changed.app_uids[0] = (struct uid_range){5, 6};
    changed.per_user_range = 10;
    changed.read_group = GROUP_TEXT;
    changed.rows_per_uid = 3;
    changed.effective = "per_user_range = 10\n";
    assert_int_equal(loader_apply(fixture->loaded, &changed, NULL, NULL), 0);
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &config));
    assert_int_equal(config.app_uids[0].first, 5);
    assert_int_equal(config.per_user_range, 10);
    assert_int_equal(config.row_limit[TCTL_UID_STATS], fixture->options.rows_per_uid);
    check_owner(fixture, pins[PIN_UID_STATS].path, GROUP, 0640);
    assert_string_equal(state_of(fixture).options, "per_user_range = 10\n");
    assert_true(fixture_get(fixture, PIN_GENERATION, &zero, &after));
    assert_true(after > before);
}

static void loader_sees_chains_that_are_switched_on(void **state)
{
    struct fixture *fixture = *state;
    struct load_seen seen;
    fixture_load(fixture);
    assert_int_equal(state_of(fixture).chains, 0);
    fixture_put(fixture, PIN_STANDBY_UID, &(uint32_t){TCTL_CHAIN_SWITCH}, &(uint8_t){1});
    assert_int_equal(loader_watch(fixture->loaded, &seen), 0);
    assert_int_equal(seen.attached, ALL);
    assert_true(load_seen_whole(&seen));
    assert_int_equal(state_of(fixture).chains, TCTL_BIT(TCTL_STANDBY));
    assert_true(state_of(fixture).seen_sec > 0);
}

/* Status 0: the start went well. */
static int start_once(void *context)
{
    struct loaded *loaded = NULL;
    int r = loader_start(context, false, NULL, &loaded, NULL);
    loaded_free(loaded);
    return r < 0;
}

static void start_together(struct fixture *fixture)
{
    pid_t children[6];
    for (size_t i = 0; i < ARRAY_SIZE(children); i++)
        children[i] = surroundings_fork(start_once, &fixture->options);
    for (size_t i = 0; i < ARRAY_SIZE(children); i++)
        assert_int_equal(surroundings_wait(children[i]), 0);
    check_attached(fixture);
}

static void loader_attaches_once_however_many_start(void **state)
{
    start_together(*state);
}

/* Wherever a start is cut off, the next one goes well and leaves no trace of it. */
static void loader_starts_after_one_that_was_killed(void **state)
{
    struct fixture *fixture = *state;
    unsigned int change = 1;
    for (; cut_off(start_once, &fixture->options, change); change += CUT_OFF_STEP) {
        fixture_load(fixture);
        check_attached(fixture);
        assert_int_equal(access(fixture_path(fixture, TCTL_DIR "/new"), F_OK), -1);
        stop(fixture);
        if (change % 2)
            assert_int_equal(loader_unload(fixture->bpffs, NULL), 0);
    }
    assert_true(change > 3 * CUT_OFF_STEP);
}

static void loader_mounts_once_however_many_start(void **state)
{
    struct fixture *fixture = *state;
    assert_return_code(umount(fixture->bpffs), errno);
    start_together(fixture);
    assert_return_code(umount(fixture->bpffs), errno);
    assert_int_equal(access(fixture_path(fixture, TCTL_DIR), F_OK), -1);
    assert_return_code(mount("bpf", fixture->bpffs, "bpf", 0, "mode=0700"), errno);
}

#define LOADER(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADER(loader_makes_every_pin_with_its_owner),
        LOADER(loader_sizes_its_own_maps_by_the_others),
        LOADER(loader_leaves_the_root_alone_if_told),
        LOADER(loader_falls_back_to_root_without_the_group),
        LOADER(loader_writes_what_it_was_asked_for),
        LOADER(loader_names_interfaces),
        LOADER(loader_starts_again_over_what_is_there),
        LOADER(loader_starts_again_over_percpu_counters),
        LOADER(loader_replaces_links_of_a_removed_cgroup),
        LOADER(loader_moves_to_another_cgroup),
        LOADER(loader_makes_what_is_missing),
        LOADER(loader_removes_leftovers_of_a_killed_start),
        LOADER(loader_recounts_rows),
        LOADER(loader_applies_what_sighup_may_change),
        LOADER(loader_sees_chains_that_are_switched_on),
        LOADER(loader_attaches_once_however_many_start),
        LOADER(loader_starts_after_one_that_was_killed),
        LOADER(loader_mounts_once_however_many_start),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: loader", tests, NULL, NULL);
}
