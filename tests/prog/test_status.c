/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening and status of the library: what root and a member of read_group are told, what a stranger is refused. */
#include "pinned.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "fd.h"
#include "fixture.h"
#include "generation.h"
#include "state.h"

#define READ_GROUP 20001u
#define STRANGER_GROUP 20002u
#define READER 10001u

static void pin_path(const struct pinned *pinned, enum pin_id id, char *ret_path)
{
    snprintf(ret_path, PATH_MAX, "%s/%s", pinned->bpffs, pins[id].path);
}

static struct tctl_status status_now(const struct pinned *pinned)
{
    struct tctl *traffic;
    struct tctl_status status;
    assert_int_equal(tctl_open(pinned->bpffs, &traffic), 0);
    assert_int_equal(tctl_status(traffic, &status), 0);
    tctl_close(traffic);
    return status;
}

static void test_open_without_pins(void **state)
{
    const struct pinned *pinned = *state;
    char path[PATH_MAX];
    struct tctl *untouched = (void *)pinned;
    pin_path(pinned, PIN_UID_STATS, path);
    assert_return_code(unlink(path), errno);
    assert_int_equal(tctl_open(pinned->bpffs, &untouched), -ENOENT);
    assert_int_equal(tctl_open("/tmp/no-such-bpffs", &untouched), -ENOENT);
    assert_ptr_equal(untouched, pinned);
}

static void test_open_of_another_version(void **state)
{
    const struct pinned *pinned = *state;
    struct tctl *traffic;
    pinned->state->abi_version = TCTL_ABI_VERSION + 1;
    assert_int_equal(tctl_open(pinned->bpffs, &traffic), -EPROTO);
}

/* A map of another shape would write past what a reader has room for. */
static void test_open_of_another_shape(void **state)
{
    struct pinned *pinned = *state;
    char path[PATH_MAX];
    struct tctl *traffic;
    pin_path(pinned, PIN_UID_STATS, path);
    assert_return_code(unlink(path), errno);
    _cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 32, 10, NULL);
    assert_return_code(fd, errno);
    assert_return_code(bpf_obj_pin(fd, path), errno);
    assert_int_equal(tctl_open(pinned->bpffs, &traffic), -EPROTO);
}

/* Nothing is attached here: down, whatever the state remembers, for root sees for itself. */
static void test_status_of_root_sees_for_itself(void **state)
{
    const struct pinned *pinned = *state;
    pinned->state->attached = 7;
    pinned->state->wanted = 3;
    pinned->state->since_sec = 1234567;
    pinned->state->seen_sec = 5;
    pinned->state->lost[TCTL_TAG_STATS] = 9;
    strcpy(pinned->state->boot_id, "boot");
    struct tctl_status status = status_now(pinned);
    assert_int_equal(status.health, TCTL_DOWN);
    assert_int_equal(status.daemon_pid, 0);
    assert_int_equal(status.since_sec, 1234567);
    assert_true(status.seen_sec > 5);
    assert_string_equal(status.boot_id, "boot");
    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++) {
        assert_false(status.programs[i].attached);
        assert_int_equal(status.programs[i].wanted, i < 2);
    }
    assert_string_equal(status.lost[TCTL_TAG_STATS].name, "traffic_tag_stats_map");
    assert_int_equal(status.lost[TCTL_TAG_STATS].packets, 9);
    assert_int_equal(status.lost[TCTL_UID_STATS].packets, 0);
}

static void test_status_counts_entries(void **state)
{
    const struct pinned *pinned = *state;
    for (uint32_t uid = 1; uid <= 700; uid++)
        pinned_put(pinned, PIN_APP_UID_STATS, &uid, 0, 1);
    struct tctl_status status = status_now(pinned);
    for (size_t i = 0; i < TCTL_STATUS_MAPS; i++) {
        assert_string_equal(status.maps[i].name, pins[i].path);
        assert_true(status.maps[i].readable);
        assert_int_equal(status.maps[i].entries, i == PIN_APP_UID_STATS ? 700 : 0);
        assert_int_equal(status.maps[i].max_entries, pins[i].entries);
    }
}

static void test_status_of_chains(void **state)
{
    const struct pinned *pinned = *state;
    uint32_t key = TCTL_CHAIN_SWITCH;
    uint8_t on = 1, off = 0;
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_STANDBY_UID], &key, &on, BPF_ANY), errno);
    assert_return_code(bpf_map_update_elem(pinned->fd[PIN_POWERSAVE_UID], &key, &off, BPF_ANY), errno);
    struct tctl_status status = status_now(pinned);
    assert_string_equal(status.chains[TCTL_DOZABLE - 1].name, "dozable");
    assert_false(status.chains[TCTL_DOZABLE - 1].enabled);
    assert_string_equal(status.chains[TCTL_STANDBY - 1].name, "standby");
    assert_true(status.chains[TCTL_STANDBY - 1].enabled);
    assert_string_equal(status.chains[TCTL_POWERSAVE - 1].name, "powersave");
    assert_false(status.chains[TCTL_POWERSAVE - 1].enabled);
}

/* trafficd runs as long as somebody holds the lock of its directory. */
static void test_status_names_the_daemon(void **state)
{
    const struct pinned *pinned = *state;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/" PINS_RUNNING_DIR, pinned->bpffs);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_return_code(flock(fd, LOCK_EX | LOCK_NB), errno);
    assert_int_equal(status_now(pinned).daemon_pid, getpid());
    fd_close(fd);
    assert_int_equal(status_now(pinned).daemon_pid, 0);
}

static void test_status_after_the_pins_went(void **state)
{
    const struct pinned *pinned = *state;
    char path[PATH_MAX];
    struct tctl *traffic;
    struct tctl_status status;
    assert_int_equal(tctl_open(pinned->bpffs, &traffic), 0);
    for (enum pin_id id = 0; id < PINS_NETD_MAPS; id++) {
        pin_path(pinned, id, path);
        assert_return_code(unlink(path), errno);
    }
    assert_int_equal(tctl_status(traffic, &status), 0);
    assert_int_equal(status.health, TCTL_DOWN);
    assert_false(status.maps[PIN_UID_STATS].readable);
    tctl_close(traffic);
}

/* Owners and modes as the table says; a map stands in for links, whose modes alone matter here. */
static void give_owners(const struct pinned *pinned)
{
    char path[PATH_MAX];
    for (enum pin_id id = 0; id < PINS; id++) {
        pin_path(pinned, id, path);
        if (pins[id].kind == PIN_LINK)
            assert_return_code(bpf_obj_pin(pinned->fd[PIN_STATE], path), errno);
        else if (pinned->fd[id] < 0)
            continue;
        assert_return_code(chown(path, 0, pins[id].owner == PIN_READERS ? READ_GROUP : 0), errno);
        assert_return_code(chmod(path, pins[id].owner == PIN_ROOT ? 0600 : 0640), errno);
    }
}

/* Run as READER of group, in a process of its own. Returns the exit status. */
static int as_reader(gid_t group, int (*run)(const char *bpffs), const char *bpffs)
{
    pid_t pid = fork();
    assert_return_code(pid, errno);
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(READER, READER, READER) < 0)
            _exit(100);
        _exit(run(bpffs));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int open_errno(const char *bpffs)
{
    struct tctl *traffic;
    return -tctl_open(bpffs, &traffic);
}

/* 0 if the reader is told what trafficd noted, else the number of what is wrong. */
static int reader_is_told(const char *bpffs)
{
    struct tctl *traffic;
    struct tctl_status status;
    struct tctl_counters counters;
    if (tctl_open(bpffs, &traffic) < 0)
        return 1;
    if (tctl_read_uid(traffic, READER, &counters) < 0 || counters.rx_packets != 7)
        return 2;
    if (tctl_status(traffic, &status) < 0)
        return 3;
    if (!status.programs[TCTL_PROG_INGRESS].attached || !status.programs[TCTL_PROG_EGRESS].attached ||
        status.programs[TCTL_PROG_RELEASE].attached || status.seen_sec != 5)
        return 4;
    if (!status.chains[TCTL_POWERSAVE - 1].enabled || status.chains[TCTL_DOZABLE].enabled)
        return 5;
    if (!status.maps[PIN_APP_UID_STATS].readable || status.maps[PIN_APP_UID_STATS].entries != 1)
        return 6;
    if (status.maps[PIN_DOZABLE_UID].readable || status.maps[PIN_COOKIE_TAG].readable)
        return 7;
    if (status.health != TCTL_DEGRADED) /* trafficd does not run */
        return 8;
    tctl_close(traffic);
    return 0;
}

static void test_reader_is_told_what_trafficd_saw(void **state)
{
    const struct pinned *pinned = *state;
    pinned->state->attached = 1 << TCTL_PROG_INGRESS | 1 << TCTL_PROG_EGRESS;
    pinned->state->wanted = pinned->state->attached;
    pinned->state->chains = TCTL_BIT(TCTL_POWERSAVE);
    pinned->state->seen_sec = 5;
    pinned_put(pinned, PIN_APP_UID_STATS, &(uint32_t){READER}, 0, 7);
    give_owners(pinned);
    assert_int_equal(as_reader(READ_GROUP, reader_is_told, pinned->bpffs), 0);
}

static void test_stranger_is_refused(void **state)
{
    const struct pinned *pinned = *state;
    give_owners(pinned);
    assert_int_equal(as_reader(STRANGER_GROUP, open_errno, pinned->bpffs), EACCES);
    assert_return_code(chmod(pinned->bpffs, 0700), errno);
    assert_int_equal(as_reader(READ_GROUP, open_errno, pinned->bpffs), EACCES);
}

#define RAISES 20000

static void *raise_often(void *context)
{
    int failed = 0;
    for (int i = 0; i < RAISES; i++)
        failed |= generation_raise(*(const int *)context);
    return failed ? context : NULL;
}

/* Two writers, no raise lost. */
static void test_generation_counts_every_raise(void **state)
{
    const struct pinned *pinned = *state;
    int fd = pinned->fd[PIN_GENERATION];
    pthread_t other;
    void *failed;
    assert_int_equal(pthread_create(&other, NULL, raise_often, &fd), 0);
    void *failed_here = raise_often(&fd);
    pthread_join(other, &failed);
    assert_null(failed);
    assert_null(failed_here);
    uint64_t generation;
    assert_return_code(bpf_map_lookup_elem(fd, &(uint32_t){0}, &generation), errno);
    assert_int_equal(generation, 2 * RAISES);
}

/* A peer that only reads gets a copy; what a writer stores is in it. */
static void test_state_is_read_without_writing(void **state)
{
    const struct pinned *pinned = *state;
    _cleanup_fd_ int fd = -1;
    struct tctl_state copy;
    struct tctl_state *mapped = NULL;
    pinned->state->seen_sec = 77;
    assert_int_equal(pins_open_map(pinned->bpffs, PIN_STATE, false, &fd), 0);
    assert_int_equal(state_read(fd, &copy), 0);
    assert_int_equal(copy.seen_sec, 77);
    assert_true(state_map(fd, &mapped) < 0);
    assert_int_equal(bpf_map_update_elem(fd, &(uint32_t){0}, &copy, BPF_ANY), -EPERM);
}

static struct tctl_status status_of(const struct fixture *fixture)
{
    struct tctl *traffic;
    struct tctl_status status;
    assert_int_equal(tctl_open(fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_status(traffic, &status), 0);
    tctl_close(traffic);
    return status;
}

/* The real programs: attached, then with a link gone, then with the cgroup gone. */
static void test_status_follows_the_links(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(false);
    fixture_load(fixture);
    struct tctl_status status = status_of(fixture);
    assert_int_equal(status.health, TCTL_OK);
    assert_int_equal(status.daemon_pid, getpid());
    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        assert_true(status.programs[i].attached && status.programs[i].wanted);

    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", fixture->bpffs, pins[PIN_RELEASE_LINK].path);
    assert_return_code(unlink(path), errno);
    status = status_of(fixture);
    assert_int_equal(status.health, TCTL_DEGRADED);
    assert_false(status.programs[TCTL_PROG_RELEASE].attached);
    assert_true(status.programs[TCTL_PROG_EGRESS].attached);

    /* The kernel takes the links of a removed cgroup off by a work item that nobody can wait for. */
    assert_return_code(rmdir(fixture->cgroup), errno);
    for (int tries = 0; tries < 500 && status_of(fixture).health != TCTL_DOWN; tries++)
        usleep(10000);
    status = status_of(fixture);
    assert_int_equal(status.health, TCTL_DOWN);
    assert_false(status.programs[TCTL_PROG_INGRESS].attached);
    fixture_free(fixture);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, pinned_setup, pinned_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED(test_open_without_pins),
        SHARED(test_open_of_another_version),
        SHARED(test_open_of_another_shape),
        SHARED(test_status_of_root_sees_for_itself),
        SHARED(test_status_counts_entries),
        SHARED(test_status_of_chains),
        SHARED(test_status_names_the_daemon),
        SHARED(test_status_after_the_pins_went),
        SHARED(test_reader_is_told_what_trafficd_saw),
        SHARED(test_stranger_is_refused),
        SHARED(test_generation_counts_every_raise),
        SHARED(test_state_is_read_without_writing),
        cmocka_unit_test(test_status_follows_the_links),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
