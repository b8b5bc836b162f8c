/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What was asked for against what holds: each kind of difference, made as a peer or an accident makes it, is found and
 * named, and nothing else is. The real programs. Root.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>

#include "attached.h"
#include "cleanup.h"
#include "differences.h"
#include "fd.h"
#include "fixture.h"
#include "loopback.h"
#include "policy_file.h"

#define UID 10001u
#define OTHER 10002u
#define SYSTEM 500u
#define MAX 32

struct scene {
    struct fixture *fixture;
    struct enforce enforce;
    char folder[64], policy[96], effective[256];
    struct tctl_difference found[MAX];
    size_t count;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    scene->fixture = fixture_new(false);
    struct load_options *options = &scene->fixture->options;
    snprintf(scene->effective, sizeof(scene->effective), "[trafficd]\ncgroup = %s\n", scene->fixture->cgroup);
    options->effective = scene->effective;
    options->app_uids[0] = (struct uid_range){10000, 60000};
    fixture_load(scene->fixture);
    strcpy(scene->folder, "/tmp/trafficctl-differences-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->policy, sizeof(scene->policy), "%s/policy", scene->folder);
    assert_int_equal(enforce_open(scene->fixture->bpffs, &scene->enforce), 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    enforce_done(&scene->enforce);
    unlink(scene->policy);
    rmdir(scene->folder);
    fixture_free(scene->fixture);
    free(scene);
    return 0;
}

static size_t look(struct scene *scene)
{
    int r = differences_find(scene->fixture->bpffs, &scene->enforce, scene->policy, scene->found, MAX, &scene->count);
    assert_int_equal(r, 0);
    return scene->count;
}

static void assert_none(struct scene *scene)
{
    if (look(scene) > 0)
        fail_msg("%zu differences; the first: %s: asked %s, holds %s", scene->count, scene->found[0].what,
                 scene->found[0].asked, scene->found[0].holds);
}

/* There is this one and no other; holds: a part of it. */
static void assert_only(struct scene *scene, const char *what, const char *asked, const char *holds)
{
    assert_int_equal(look(scene), 1);
    assert_string_equal(scene->found[0].what, what);
    assert_string_equal(scene->found[0].asked, asked);
    if (!strstr(scene->found[0].holds, holds))
        fail_msg("%s holds '%s', which has no '%s' in it", what, scene->found[0].holds, holds);
}

static void run_ip(const char *words)
{
    char line[256];
    snprintf(line, sizeof(line), "ip %s", words);
    assert_int_equal(system(line), 0);
}

/* A policy with something of everything, saved and enforced. */
static void ask(struct scene *scene)
{
    _cleanup_(policy_done) struct policy policy = {.switched = TCTL_BIT(TCTL_STANDBY) | TCTL_BIT(TCTL_OEM_DENY_2)};
    struct fault fault = {0};
    for (uint32_t uid = 20000; uid < 23000; uid++) {
        assert_int_equal(policy_uids_set(&policy.listed[TCTL_DOZABLE], uid, true), 0);
        assert_int_equal(policy_uids_set(&policy.listed[TCTL_OEM_DENY_2], uid, true), 0);
    }
    assert_int_equal(policy_uids_set(&policy.listed[TCTL_STANDBY], UID, true), 0);
    assert_int_equal(policy_uids_set(&policy.listed[TCTL_RESTRICTED], UID, true), 0);
    assert_int_equal(policy_uids_set(&policy.lockdown, OTHER, true), 0);
    assert_int_equal(policy_set_iface(&policy, UID, "lo"), 0);
    assert_int_equal(policy_set_iface(&policy, OTHER, "not-there"), 0);
    assert_int_equal(policy_set_iface(&policy, 20000, ""), 0);
    assert_int_equal(policy_set_metered(&policy, "v0", true), 0);
    assert_int_equal(policy_set_metered(&policy, "not-there", true), 0);
    assert_int_equal(policy_file_write(scene->policy, &policy, &fault), 0);
    if (enforce_apply(&scene->enforce, &policy, &fault) < 0)
        fail_msg("%s", fault.text);
}

/* The saved policy once more: nothing differs any more. */
static void restore(struct scene *scene)
{
    _cleanup_(policy_done) struct policy policy = {0};
    struct fault fault = {0};
    assert_int_equal(policy_file_read(scene->policy, &policy, &fault), 0);
    if (enforce_apply(&scene->enforce, &policy, &fault) < 0)
        fail_msg("%s", fault.text);
    assert_none(scene);
}

static void nothing_differs_where_all_is_well(void **state)
{
    assert_none(*state);
    ask(*state);
    assert_none(*state);
}

static void remove_row(const struct scene *scene, enum pin_id id, uint32_t key)
{
    _cleanup_fd_ int fd = fixture_pin(scene->fixture, id);
    assert_return_code(bpf_map_delete_elem(fd, &key), errno);
}

static void put_byte(const struct scene *scene, enum pin_id id, uint32_t key, uint8_t value)
{
    fixture_put(scene->fixture, id, &key, &value);
}

static void put_rules(const struct scene *scene, uint32_t uid, uint32_t rules)
{
    fixture_put(scene->fixture, PIN_UID_RULES, &uid, &(struct tctl_uid_rules){.uid = uid, .rules = rules});
}

static void switches_are_compared(void **state)
{
    struct scene *scene = *state;
    const uint32_t zero = 0;
    struct tctl_config config;
    ask(scene);
    put_byte(scene, PIN_STANDBY_UID, TCTL_CHAIN_SWITCH, 0);
    assert_only(scene, "chain standby", "on", "off");
    restore(scene);
    put_byte(scene, PIN_POWERSAVE_UID, TCTL_CHAIN_SWITCH, 1);
    assert_only(scene, "chain powersave", "off", "on");
    restore(scene);
    assert_true(fixture_get(scene->fixture, PIN_CONFIG, &zero, &config));
    config.chains ^= TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_METERED_ALLOW);
    fixture_put(scene->fixture, PIN_CONFIG, &zero, &config);
    assert_int_equal(look(scene), 2);
    assert_string_equal(scene->found[0].what, "chain oem_deny_2");
    assert_string_equal(scene->found[1].what, "chain metered_allow");
    restore(scene);
}

static void lists_are_compared(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    remove_row(scene, PIN_DOZABLE_UID, 20005);
    assert_only(scene, "uid 20005 in dozable", "listed", "not listed");
    for (uint32_t uid = 20006; uid < 20317; uid++)
        remove_row(scene, PIN_DOZABLE_UID, uid);
    assert_only(scene, "uid 20005 and 311 more in dozable", "listed", "not listed");
    put_byte(scene, PIN_DOZABLE_UID, 24001, 7);
    assert_int_equal(look(scene), 2);
    assert_string_equal(scene->found[1].what, "uid 24001 in dozable");
    assert_string_equal(scene->found[1].asked, "not listed");
    restore(scene);
    remove_row(scene, PIN_STANDBY_UID, UID);
    put_byte(scene, PIN_STANDBY_UID, OTHER, 0);
    assert_int_equal(look(scene), 2);
    restore(scene);
    put_rules(scene, 20000, TCTL_BIT(TCTL_IFACE_RULE));
    assert_only(scene, "uid 20000 in oem_deny_2", "listed", "not listed");
    put_rules(scene, 20000, TCTL_BIT(TCTL_IFACE_RULE) | TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_BACKGROUND));
    assert_only(scene, "uid 20000 in background", "not listed", "listed");
    restore(scene);
    put_rules(scene, OTHER, TCTL_BIT(TCTL_IFACE_RULE));
    assert_only(scene, "uid 10002 in lockdown", "listed", "not listed");
    restore(scene);
}

/* What a raw writer may have meant, and what is none of ours. */
static void values_that_say_nothing_are_found(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    put_byte(scene, PIN_DOZABLE_UID, OTHER, 0);
    assert_only(scene, "uid 10002 in traffic_dozable_uid_map", "no row", "allows nothing");
    restore(scene);
    put_byte(scene, PIN_STANDBY_UID, OTHER, 1);
    assert_only(scene, "uid 10002 in traffic_standby_uid_map", "no row", "denies nothing");
    restore(scene);
    fixture_put(scene->fixture, PIN_UID_RULES, &(uint32_t){20001},
                &(struct tctl_uid_rules){.uid = 20002, .rules = TCTL_BIT(TCTL_OEM_DENY_2)});
    assert_only(scene, "uid 20001 in trafficctl/uid_rules", "a row that names its UID", "nothing passes");
    restore(scene);
}

static void put_iface(const struct scene *scene, uint32_t uid, uint32_t iface)
{
    fixture_put(scene->fixture, PIN_UID_IFACE, &uid, &(struct tctl_uid_iface){.uid = uid, .iface = iface});
}

static void interfaces_of_rules_are_compared(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    put_iface(scene, UID, if_nametoindex("v1"));
    assert_only(scene, "uid 10001 in iif", "lo", "v1");
    put_iface(scene, UID, TCTL_ANY_IFACE);
    assert_only(scene, "uid 10001 in iif", "lo", "any");
    put_iface(scene, UID, 4711);
    assert_only(scene, "uid 10001 in iif", "lo", "#4711");
    remove_row(scene, PIN_UID_IFACE, UID);
    assert_only(scene, "uid 10001 in iif", "lo", "none that is there");
    restore(scene);
    put_iface(scene, OTHER, if_nametoindex("v1"));
    assert_only(scene, "uid 10002 in iif", "not-there", "v1");
    put_iface(scene, OTHER, 4711); /* a number that nobody has */
    assert_none(scene);
    put_rules(scene, UID, TCTL_BIT(TCTL_RESTRICTED));
    put_rules(scene, 20000, TCTL_BIT(TCTL_OEM_DENY_2));
    assert_only(scene, "uid 10001 and 1 more in iif", "lo", "no rule");
    restore(scene);
    put_rules(scene, 20001, TCTL_BIT(TCTL_OEM_DENY_2) | TCTL_BIT(TCTL_IFACE_RULE));
    put_iface(scene, 20001, TCTL_ANY_IFACE);
    assert_only(scene, "uid 20001 in iif", "no rule", "any");
    restore(scene);
}

static void metered_interfaces_are_compared(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    remove_row(scene, PIN_METERED, if_nametoindex("v0"));
    assert_only(scene, "interface v0", "metered", "not metered");
    restore(scene);
    put_byte(scene, PIN_METERED, if_nametoindex("v0"), 0);
    assert_only(scene, "interface v0", "metered", "not metered");
    restore(scene);
    put_byte(scene, PIN_METERED, if_nametoindex("v1"), 1);
    assert_only(scene, "interface v1", "not metered", "metered");
    restore(scene);
    put_byte(scene, PIN_METERED, 4711, 1);
    assert_only(scene, "interface #4711", "not metered", "metered");
    restore(scene);
}

static void nobody_asked_for_rules_without_a_policy(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_return_code(unlink(scene->policy), errno);
    remove_row(scene, PIN_STANDBY_UID, UID);
    assert_none(scene);
}

static void a_bad_policy_is_one_difference(void **state)
{
    struct scene *scene = *state;
    char where[128];
    ask(scene);
    _cleanup_fd_ int fd = open(scene->policy, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "trafficctl policy 1\nenable standby\nenable lunch\nend\n", 52), 52);
    snprintf(where, sizeof(where), "%s:3:", scene->policy);
    assert_only(scene, "policy", "a policy that can be read", where);
}

/* Whoever owns the folder could put an older policy there, or take it away for the next boot. */
static void a_policy_in_a_place_of_others_is_a_difference(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_return_code(chown(scene->folder, UID, (gid_t)-1), errno);
    assert_only(scene, "policy", "a policy that can be read", "belongs to UID 10001");
    assert_return_code(unlink(scene->policy), errno);
    assert_only(scene, "policy", "a policy that can be read", "belongs to UID 10001");
    assert_return_code(chown(scene->folder, 0, (gid_t)-1), errno);
    assert_none(scene);
}

static void a_closed_firewall_is_a_difference(void **state)
{
    struct scene *scene = *state;
    ask(scene);
    assert_int_equal(enforce_set_closed(&scene->enforce, true), 0);
    assert_only(scene, "firewall", "the saved policy", "nobody passes");
    assert_int_equal(enforce_set_closed(&scene->enforce, false), 0);
    assert_none(scene);
}

static void rules_that_hold_for_nobody_are_found(void **state)
{
    struct scene *scene = *state;
    put_byte(scene, PIN_STANDBY_UID, SYSTEM, 0);
    put_byte(scene, PIN_STANDBY_UID, SYSTEM + 1, 0);
    put_byte(scene, PIN_STANDBY_UID, UID, 0);
    assert_only(scene, "uid 500 and 1 more in standby", "judged", "app_uids");
    remove_row(scene, PIN_STANDBY_UID, SYSTEM);
    remove_row(scene, PIN_STANDBY_UID, SYSTEM + 1);
    put_rules(scene, SYSTEM, TCTL_BIT(TCTL_LOCKDOWN));
    assert_only(scene, "uid 500 in lockdown", "judged", "app_uids");
    remove_row(scene, PIN_UID_RULES, SYSTEM);

    /* asked for, and not in the maps either */
    _cleanup_(policy_done) struct policy policy = {0};
    struct fault fault = {0};
    assert_int_equal(policy_set_iface(&policy, SYSTEM, "lo"), 0);
    assert_int_equal(policy_file_write(scene->policy, &policy, &fault), 0);
    remove_row(scene, PIN_STANDBY_UID, UID);
    assert_int_equal(look(scene), 2);
    assert_string_equal(scene->found[0].what, "uid 500 in iif");
    assert_string_equal(scene->found[0].asked, "lo");
    assert_string_equal(scene->found[1].asked, "judged");
}

static void programs_that_are_gone_are_found(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        char what[32], path[PATH_MAX], aside[PATH_MAX];
        snprintf(what, sizeof(what), "program %s", attached_pins[i].name);
        strcpy(path, fixture_path(scene->fixture, pins[attached_pins[i].link].path));
        strcpy(aside, fixture_path(scene->fixture, "aside"));
        assert_return_code(rename(path, aside), errno);
        assert_only(scene, what, "attached", "link is gone");
        assert_return_code(rename(aside, path), errno);
        strcpy(path, fixture_path(scene->fixture, pins[attached_pins[i].prog].path));
        assert_return_code(rename(path, aside), errno);
        assert_only(scene, what, "attached", "pin is gone");
        assert_return_code(rename(aside, path), errno);
        assert_none(scene);
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
    assert_only(scene, "program egress", "attached", "another program than");
    const char *pin = fixture_path(scene->fixture, pins[PIN_EGRESS_PROG].path);
    assert_return_code(unlink(pin), errno);
    assert_return_code(bpf_obj_pin(other, pin), errno);
    assert_int_equal(look(scene), 7); /* it asks none of our maps */
    assert_string_equal(scene->found[0].what, "traffic_dozable_uid_map");
    assert_return_code(bpf_link_update(link, program, NULL), errno);
    assert_only(scene, "program egress", "attached", "another program than");
    assert_return_code(unlink(pin), errno);
    assert_return_code(bpf_obj_pin(link, pin), errno);
    assert_only(scene, "program egress", "attached", "something else");
}

static void maps_that_no_program_asks_are_found(void **state)
{
    struct scene *scene = *state;
    const char *pin = fixture_path(scene->fixture, pins[PIN_STANDBY_UID].path);
    _cleanup_fd_ int map = bpf_map_create(BPF_MAP_TYPE_HASH, "standby", 4, 1, 16, NULL);
    assert_return_code(map, errno);
    assert_return_code(unlink(pin), errno);
    assert_return_code(bpf_obj_pin(map, pin), errno);
    assert_only(scene, "traffic_standby_uid_map", "the map of the programs", "another map is pinned");
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

static void a_group_that_was_replaced_is_found(void **state)
{
    struct scene *scene = *state;
    char what[160];
    snprintf(what, sizeof(what), "control group %s", scene->fixture->cgroup);
    assert_return_code(rmdir(scene->fixture->cgroup), errno);
    wait_until_severed(scene);
    assert_only(scene, what, "the programs hang on it", "it was removed");
    assert_return_code(mkdir(scene->fixture->cgroup, 0755), errno);
    assert_only(scene, what, "the programs hang on it", "5 of them hang on the one that was there before");
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

static void more_than_there_is_room_for_are_counted(void **state)
{
    struct scene *scene = *state;
    struct tctl_difference found[2];
    size_t count;
    ask(scene);
    put_byte(scene, PIN_METERED, 4711, 1);
    put_byte(scene, PIN_METERED, 4712, 1);
    put_byte(scene, PIN_METERED, 4713, 1);
    memset(found, 0x55, sizeof(found));
    assert_int_equal(differences_find(scene->fixture->bpffs, &scene->enforce, scene->policy, found, 1, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(found[0].what, "interface #4711");
    assert_int_equal(found[1].what[0], 0x55);
    assert_int_equal(differences_find(scene->fixture->bpffs, &scene->enforce, scene->policy, NULL, 0, &count), 0);
    assert_int_equal(count, 3);
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
    assert_none(scene); /* nobody in the group has them */
    struct held held = held_by(scene->fixture->cgroup);
    snprintf(by, sizeof(by), "pid %d (test_difference", held.pid);
    assert_int_equal(look(scene), 2);
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
    assert_only(scene, "listener tcp 0.0.0.0:81", "counted and filtered", "");
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
    assert_none(scene);
    held_end(&held);
    close(fd);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_differs_where_all_is_well),
        TEST(switches_are_compared),
        TEST(lists_are_compared),
        TEST(values_that_say_nothing_are_found),
        TEST(interfaces_of_rules_are_compared),
        TEST(metered_interfaces_are_compared),
        TEST(nobody_asked_for_rules_without_a_policy),
        TEST(a_bad_policy_is_one_difference),
        TEST(a_policy_in_a_place_of_others_is_a_difference),
        TEST(a_closed_firewall_is_a_difference),
        TEST(rules_that_hold_for_nobody_are_found),
        TEST(programs_that_are_gone_are_found),
        TEST(programs_that_were_replaced_are_found),
        TEST(maps_that_no_program_asks_are_found),
        TEST(a_group_that_was_replaced_is_found),
        TEST(pins_of_somebody_else_are_not_believed),
        TEST(more_than_there_is_room_for_are_counted),
        TEST(listeners_from_outside_are_found),
        TEST(listeners_from_inside_are_no_difference),
    };
    loopback_enter();
    run_ip("link add v0 type veth peer name v1");
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: what differs", tests, NULL, NULL);
}
