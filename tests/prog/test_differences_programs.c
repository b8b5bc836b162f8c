/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Programs, links, maps and sockets that are not what was asked for: each is made as a peer or an accident makes it,
 * and is found and named. Root.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <trafficctl/traffic.h>

#include "attached.h"
#include "cleanup.h"
#include "fd.h"
#include "loopback.h"
#include "scene.h"
#include "surroundings.h"

#define UID 10001u

static void programs_that_are_gone_are_found(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        char what[32], path[PATH_MAX], aside[PATH_MAX];
        snprintf(what, sizeof(what), "program %s", attached_pins[i].name);
        strcpy(path, fixture_path(scene->fixture, pins[attached_pins[i].link].path));
        strcpy(aside, fixture_path(scene->fixture, "aside"));
        assert_return_code(rename(path, aside), errno);
        scene_assert_only(scene, what, "attached", "link is gone");
        assert_return_code(rename(aside, path), errno);
        strcpy(path, fixture_path(scene->fixture, pins[attached_pins[i].prog].path));
        assert_return_code(rename(path, aside), errno);
        scene_assert_only(scene, what, "attached", "pin is gone");
        assert_return_code(rename(aside, path), errno);
        scene_assert_none(scene);
    }
}

/* A program that drops everything, of somebody who has as much right here as we. */
static int load_other(enum bpf_attach_type type)
{
    const struct bpf_insn insns[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
    int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "other", "GPL", insns, ARRAY_SIZE(insns), &options);
    assert_return_code(fd, errno);
    return fd;
}

static void programs_that_were_replaced_are_found(void **state)
{
    struct scene *scene = *state;
    _cleanup_fd_ int other = load_other(BPF_CGROUP_INET_EGRESS);
    _cleanup_fd_ int link = fixture_pin(scene->fixture, PIN_EGRESS_LINK);
    _cleanup_fd_ int program = fixture_pin(scene->fixture, PIN_EGRESS_PROG);
    assert_return_code(bpf_link_update(link, other, NULL), errno);
    scene_assert_only(scene, "program egress", "attached", "another program than");
    const char *pin = fixture_path(scene->fixture, pins[PIN_EGRESS_PROG].path);
    assert_return_code(unlink(pin), errno);
    assert_return_code(bpf_obj_pin(other, pin), errno);
    assert_int_equal(scene_look(scene), 7); /* it asks none of our maps */
    assert_string_equal(scene->found[0].what, "traffic_dozable_uid_map");
    assert_return_code(bpf_link_update(link, program, NULL), errno);
    scene_assert_only(scene, "program egress", "attached", "another program than");
    assert_return_code(unlink(pin), errno);
    assert_return_code(bpf_obj_pin(link, pin), errno);
    scene_assert_only(scene, "program egress", "attached", "something else");
}

static void maps_that_no_program_asks_are_found(void **state)
{
    struct scene *scene = *state;
    const char *pin = fixture_path(scene->fixture, pins[PIN_STANDBY_UID].path);
    _cleanup_fd_ int map = bpf_map_create(BPF_MAP_TYPE_HASH, "standby", 4, 1, 16, NULL);
    assert_return_code(map, errno);
    assert_return_code(unlink(pin), errno);
    assert_return_code(bpf_obj_pin(map, pin), errno);
    scene_assert_only(scene, "traffic_standby_uid_map", "the map of the programs", "another map is pinned");
}

static void wait_until_severed(const struct scene *scene)
{
    struct bpf_link_info link;
    int tries = 0;
    do {
        assert_int_equal(attached_link(scene->fixture->bpffs, TCTL_PROG_EGRESS, &link), 0);
        usleep(10000); /* the kernel takes links off by a work item that nobody can wait for */
    } while (link.cgroup.cgroup_id != 0 && ++tries < 500);
}

static void a_detached_link_is_found_by_its_program(void **state)
{
    struct scene *scene = *state;
    _cleanup_fd_ int fd = fixture_pin(scene->fixture, PIN_EGRESS_LINK);
    assert_int_equal(bpf_link_detach(fd), 0);
    scene_assert_only(scene, "program egress", "attached", "its link was detached");
    assert_int_equal(tctl_firewall_enable(scene->firewall, TCTL_STANDBY, true, TCTL_RUNTIME), 0);
    assert_non_null(strstr(tctl_firewall_problem(scene->firewall), "nothing that is sent is judged"));
}

static void a_group_that_was_replaced_is_found(void **state)
{
    struct scene *scene = *state;
    char what[160];
    snprintf(what, sizeof(what), "control group %s", scene->fixture->cgroup);
    assert_return_code(rmdir(scene->fixture->cgroup), errno);
    wait_until_severed(scene);
    scene_assert_only(scene, what, "the programs hang on it", "it was removed");
    assert_return_code(mkdir(scene->fixture->cgroup, 0755), errno);
    assert_int_equal(scene_look(scene), TCTL_PROGRAMS);
    for (size_t i = 0; i < TCTL_PROGRAMS; i++)
        assert_non_null(strstr(scene->found[i].holds, "its control group removed"));
}

static void configure_group(const struct scene *scene, const char *group)
{
    const uint32_t zero = 0;
    struct tctl_state written;
    assert_true(fixture_get(scene->fixture, PIN_STATE, &zero, &written));
    snprintf(written.options, sizeof(written.options), "[trafficd]\ncgroup = %s\npolicy = %s\n", group, scene->policy);
    fixture_put(scene->fixture, PIN_STATE, &zero, &written);
}

/* Programs of the table that are attached. */
static size_t attached_in_table(const struct scene *scene)
{
    struct tctl *traffic;
    struct tctl_status status;
    size_t count = 0;
    assert_int_equal(tctl_open(scene->fixture->bpffs, &traffic), 0);
    assert_int_equal(tctl_status(traffic, &status), 0);
    tctl_close(traffic);
    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++)
        count += status.programs[i].attached;
    return count;
}

/* Links outlive the group that was asked for: on another one, or on the one of its name that was removed. */
static void the_table_asks_for_the_configured_group(void **state)
{
    struct scene *scene = *state;
    char group[160];
    assert_int_equal(attached_in_table(scene), TCTL_PROGRAMS);
    snprintf(group, sizeof(group), "%s/below", scene->fixture->cgroup);
    configure_group(scene, group);
    assert_int_equal(attached_in_table(scene), 0);
    assert_return_code(mkdir(group, 0755), errno);
    size_t other = attached_in_table(scene);
    assert_return_code(rmdir(group), errno);
    assert_int_equal(other, 0);
    configure_group(scene, scene->fixture->cgroup);
    assert_int_equal(attached_in_table(scene), TCTL_PROGRAMS);
}

/* Status: how many differences there are. */
static int look_in_child(void *context)
{
    return (int)scene_look(context);
}

/* Who waits for the lock sleeps between two tries, and at nothing before. */
static void wait_until_it_waits(pid_t child)
{
    char path[64];
    long number = -1;
    snprintf(path, sizeof(path), "/proc/%d/syscall", child);
    do {
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        assert_non_null(file);
        if (fscanf(file, "%ld", &number) != 1)
            number = -1;
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    } while (number != __NR_clock_nanosleep && number != __NR_nanosleep);
}

/* A start has the lock while it replaces one pin after the other. */
static void what_a_start_is_about_to_do_is_no_difference(void **state)
{
    struct scene *scene = *state;
    char path[PATH_MAX], aside[PATH_MAX];
    strcpy(path, fixture_path(scene->fixture, pins[PIN_EGRESS_LINK].path));
    strcpy(aside, fixture_path(scene->fixture, "aside"));
    int lock = open(fixture_path(scene->fixture, TCTL_DIR), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(flock(lock, LOCK_EX), errno);
    assert_return_code(rename(path, aside), errno);
    pid_t child = surroundings_fork(look_in_child, scene);
    wait_until_it_waits(child);
    assert_return_code(rename(aside, path), errno);
    assert_return_code(flock(lock, LOCK_UN), errno);
    fd_close(lock);
    assert_int_equal(surroundings_wait(child), 0);
}

/* They say where the policy is, which root writes. */
static void pins_of_somebody_else_are_not_believed(void **state)
{
    struct scene *scene = *state;
    struct tctl_firewall *firewall;
    const char *folder = fixture_path(scene->fixture, TCTL_DIR);
    assert_return_code(chown(folder, UID, (gid_t)-1), errno);
    assert_int_equal(tctl_firewall_open(scene->fixture->bpffs, &firewall), -EMEDIUMTYPE);
    assert_non_null(strstr(tctl_firewall_problem(firewall), "not root's"));
    firewall = tctl_firewall_close(firewall);
    assert_return_code(chown(folder, 0, (gid_t)-1), errno);
    assert_int_equal(tctl_firewall_open(scene->fixture->bpffs, &firewall), 0);
    tctl_firewall_close(firewall);
}

static int listening(int family, int type, uint16_t port)
{
    struct sockaddr_in6 any = {.sin6_family = (sa_family_t)family, .sin6_port = htons(port)};
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    assert_return_code(bind(fd, (struct sockaddr *)&any, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(any)),
                       errno);
    if (type == SOCK_STREAM)
        assert_return_code(listen(fd, 1), errno);
    return fd;
}

/* A process in the group, or in one below it, that has what it inherits until channel is closed. */
static pid_t holder(const char *group, int channel)
{
    char path[PATH_MAX], byte;
    snprintf(path, sizeof(path), "%s/cgroup.procs", group);
    int ready[2];
    assert_return_code(pipe2(ready, O_CLOEXEC), errno);
    pid_t pid = fork();
    assert_return_code(pid, errno);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not come to its end */
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) != 1 || write(ready[1], "r", 1) != 1)
            _exit(1);
        while (read(channel, &byte, 1) > 0)
            ;
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

struct held {
    int end[2];
    pid_t pid;
};

static struct held held_by(const char *group)
{
    struct held held;
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, held.end), errno);
    held.pid = holder(group, held.end[0]);
    return held;
}

static void held_end(struct held *held)
{
    shutdown(held->end[1], SHUT_RDWR);
    assert_int_equal(waitpid(held->pid, NULL, 0), held->pid);
    close(held->end[0]);
    close(held->end[1]);
}

static void listeners_from_outside_are_found(void **state)
{
    struct scene *scene = *state;
    char below[PATH_MAX], by[32];
    int tcp = listening(AF_INET, SOCK_STREAM, 81), udp = listening(AF_INET6, SOCK_DGRAM, 82);
    scene_assert_none(scene); /* nobody in the group has them */
    struct held held = held_by(scene->fixture->cgroup);
    snprintf(by, sizeof(by), "pid %d (test_difference", held.pid);
    assert_int_equal(scene_look(scene), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(scene->found[i].asked, "counted and filtered");
        assert_non_null(strstr(scene->found[i].holds, by));
        assert_true(strcmp(scene->found[i].what, "listener tcp 0.0.0.0:81") == 0 ||
                    strcmp(scene->found[i].what, "listener udp [::]:82") == 0);
    }
    held_end(&held);
    close(udp);

    snprintf(below, sizeof(below), "%s/below", scene->fixture->cgroup);
    assert_return_code(mkdir(below, 0755), errno);
    held = held_by(below);
    scene_assert_only(scene, "listener tcp 0.0.0.0:81", "counted and filtered", "");
    held_end(&held);
    assert_return_code(rmdir(below), errno);
    close(tcp);
}

/* Made inside, in the group or below it, they are as they should be. */
static void listeners_from_inside_are_no_difference(void **state)
{
    struct scene *scene = *state;
    int fd = loopback_socket(scene->fixture, AF_INET, SOCK_STREAM, 0);
    assert_return_code(listen(fd, 1), errno);
    struct held held = held_by(scene->fixture->cgroup);
    scene_assert_none(scene);
    held_end(&held);
    close(fd);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(programs_that_are_gone_are_found),        TEST(programs_that_were_replaced_are_found),
        TEST(maps_that_no_program_asks_are_found),     TEST(a_group_that_was_replaced_is_found),
        TEST(the_table_asks_for_the_configured_group), TEST(what_a_start_is_about_to_do_is_no_difference),
        TEST(a_detached_link_is_found_by_its_program), TEST(pins_of_somebody_else_are_not_believed),
        TEST(listeners_from_outside_are_found),        TEST(listeners_from_inside_are_no_difference),
    };
    loopback_enter();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: programs that differ", tests, NULL, NULL);
}
