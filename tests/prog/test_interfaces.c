/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starts, repairs and unloads of the ways to count interfaces: what goes wrong leaves all as it was. Root. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/netfilter.h>

#include "attached.h"
#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "interfaces_page.h"
#include "loopback.h"
#include "ruleset.h"
#include "surroundings.h"

#define BEFORE_MANGLE (-151)
#define NEIGHBOURS 8

static struct fault fault;

static int set_up(void **state)
{
    loopback_enter();
    return fixture_set_up(state);
}

static void load_by(struct fixture *fixture, enum load_netfilter way)
{
    fixture->options.netfilter = way;
    fixture_load(fixture);
}

static void stop(struct fixture *fixture)
{
    fixture->loaded = loaded_free(fixture->loaded);
}

static struct tctl_interfaces page_of(const struct fixture *fixture)
{
    struct tctl_interfaces page = {0};
    assert_return_code(interfaces_read(fixture->bpffs, &page), 0);
    return page;
}

static struct load_seen look(const struct fixture *fixture)
{
    struct load_seen seen = {0};
    assert_return_code(loader_watch(fixture->loaded, &seen), 0);
    return seen;
}

static const char *path_of(const struct fixture *fixture, enum pin_id id)
{
    return fixture_path(fixture, pins[id].path);
}

static char *tables(void)
{
    return ruleset_says("nft list ruleset");
}

/* include/uapi/linux/bpf.h of 6.4 */
struct create {
    uint32_t program, target, attach_type, flags, family, hook;
    int32_t priority;
    uint32_t netfilter_flags;
};

/* A link of somebody else's program; -errno. */
static int foreign_link(uint32_t family, uint32_t hook, int32_t priority)
{
    const struct bpf_insn accept[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = 45);
    struct create create = {.attach_type = 45, .family = family, .hook = hook, .priority = priority};
    _cleanup_fd_ int program =
        bpf_prog_load((enum bpf_prog_type)32, "foreign", "GPL", accept, ARRAY_SIZE(accept), &options);
    assert_return_code(program, -program);
    create.program = (uint32_t)program;
    long link = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));
    return link < 0 ? -errno : (int)link;
}

/* Of the last place there is nothing left for ours. */
static void take_all_priorities(int fds[static NEIGHBOURS])
{
    for (int i = 0; i < NEIGHBOURS; i++) {
        fds[i] = foreign_link(NFPROTO_IPV6, NF_INET_POST_ROUTING, BEFORE_MANGLE - i);
        assert_true(fds[i] >= 0 || fds[i] == -EBUSY);
    }
}

static void give_back(int fds[static NEIGHBOURS])
{
    for (int i = 0; i < NEIGHBOURS; i++) {
        if (fds[i] >= 0)
            bpf_link_detach(fds[i]);
        fd_close(fds[i]);
    }
}

/* No link of ours hangs in this namespace: it would be pinned. */
static void check_no_links(const struct fixture *fixture)
{
    for (int id = PIN_PREROUTING4_LINK; id <= PIN_POSTROUTING6_LINK; id++)
        assert_int_equal(access(fixture_path(fixture, pins[id].path), F_OK), -1);
}

static void check_refused(struct fixture *fixture, int error, const char *says)
{
    fault = (struct fault){0};
    assert_int_equal(loader_start(&fixture->options, false, NULL, &fixture->loaded, &fault), error);
    assert_null(fixture->loaded);
    if (!strstr(fault.text, says))
        fail_msg("%s", fault.text);
}

static void links_that_cannot_be_are_taken_back(void **state)
{
    struct fixture *fixture = *state;
    int foreign[NEIGHBOURS];
    _cleanup_free_ char *before = surroundings_list(fixture->bpffs);
    take_all_priorities(foreign);
    fixture->options.netfilter = LOAD_NETFILTER_LINK;
    check_refused(fixture, -EBUSY, "priorities");
    _cleanup_free_ char *after = surroundings_list(fixture->bpffs);
    assert_string_equal(after, before);
    check_no_links(fixture);
    give_back(foreign);
}

static void links_that_cannot_be_leave_the_earlier_way(void **state)
{
    struct fixture *fixture = *state;
    int foreign[NEIGHBOURS];
    load_by(fixture, LOAD_NETFILTER_NFT);
    stop(fixture);
    _cleanup_free_ char *tables_before = tables();
    take_all_priorities(foreign);
    fixture->options.netfilter = LOAD_NETFILTER_LINK;
    check_refused(fixture, -EBUSY, "priorities");
    _cleanup_free_ char *tables_after = tables();
    assert_string_equal(tables_after, tables_before);
    assert_int_equal(page_of(fixture).netfilter, TCTL_NETFILTER_NFT);
    check_no_links(fixture);
    give_back(foreign);
}

/* Else what comes in would be counted by both. */
static void links_that_cannot_be_do_not_stay_beside_rules(void **state)
{
    struct fixture *fixture = *state;
    int foreign[NEIGHBOURS];
    take_all_priorities(foreign);
    load_by(fixture, LOAD_NETFILTER_AUTO);
    assert_int_equal(page_of(fixture).netfilter, TCTL_NETFILTER_NFT);
    check_no_links(fixture);
    give_back(foreign);
}

static struct fixture *breaking;

static char *aside_of(const struct fixture *fixture)
{
    return strdup(fixture_path(fixture, "events_aside"));
}

/* Somebody puts another thing in the place of a pin that was found to be right: the last step will find it. */
static void break_pin(const char *text)
{
    _cleanup_free_ char *aside = aside_of(breaking);
    (void)text;
    if (rename(path_of(breaking, PIN_EVENTS), aside) == 0)
        (void)!symlink(path_of(breaking, PIN_EVENTS), path_of(breaking, PIN_EVENTS)); /* leads to itself */
}

static void mend_pin(const struct fixture *fixture)
{
    _cleanup_free_ char *aside = aside_of(fixture);
    assert_return_code(rename(aside, path_of(fixture, PIN_EVENTS)), errno);
}

/* The pin is broken when the start warns of the policy, and missed when all has been put there. */
static void start_that_fails_late(struct fixture *fixture, enum load_netfilter way)
{
    breaking = fixture;
    fixture->options.netfilter = way;
    fixture->options.policy = "/proc/version";
    assert_int_equal(loader_start(&fixture->options, false, break_pin, &fixture->loaded, &fault), -ELOOP);
    assert_null(fixture->loaded);
    mend_pin(fixture);
}

/* The programs that are pinned are those that run, or status says that nothing counts. */
static void check_pins(const struct fixture *fixture)
{
    for (int i = 0; i < TCTL_PROGRAMS; i++) {
        struct attached_program program;
        struct bpf_link_info link;
        assert_int_equal(attached_program(fixture->bpffs, (enum tctl_program)i, &program), 0);
        assert_int_equal(attached_link(fixture->bpffs, (enum tctl_program)i, &link), 0);
        assert_int_equal(link.prog_id, program.id);
    }
    assert_int_equal(access(fixture_path(fixture, TCTL_DIR "/new"), F_OK), -1);
}

static void rules_of_a_start_that_fails_are_taken_back(void **state)
{
    static const enum load_netfilter earlier[] = {LOAD_NETFILTER_OFF, LOAD_NETFILTER_LINK, LOAD_NETFILTER_NFT};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(earlier); i++) {
        uint32_t hooked = 0;
        fixture->options.policy = NULL;
        load_by(fixture, earlier[i]);
        stop(fixture);
        _cleanup_free_ char *tables_before = tables();
        start_that_fails_late(fixture, LOAD_NETFILTER_NFT);
        check_pins(fixture);
        _cleanup_free_ char *tables_after = tables();
        assert_string_equal(tables_after, tables_before);
        assert_int_equal(page_of(fixture).netfilter, earlier[i]);
        assert_return_code(loader_look_interfaces(fixture->bpffs, &hooked), 0);
        assert_int_equal(hooked, earlier[i] == LOAD_NETFILTER_OFF ? 0 : TCTL_ALL_IFACE_HOOKS);
    }
}

static void links_of_a_start_that_fails_are_taken_back(void **state)
{
    struct fixture *fixture = *state;
    uint32_t hooked = 0;
    load_by(fixture, LOAD_NETFILTER_NFT);
    stop(fixture);
    _cleanup_free_ char *tables_before = tables();
    start_that_fails_late(fixture, LOAD_NETFILTER_LINK);
    _cleanup_free_ char *tables_after = tables();
    assert_string_equal(tables_after, tables_before);
    check_no_links(fixture);
    assert_int_equal(page_of(fixture).netfilter, TCTL_NETFILTER_NFT);
    assert_return_code(loader_look_interfaces(fixture->bpffs, &hooked), 0);
    assert_int_equal(hooked, TCTL_ALL_IFACE_HOOKS);
}

static void a_running_trafficd_keeps_its_way(void **state)
{
    struct fixture *fixture = *state;
    load_by(fixture, LOAD_NETFILTER_NFT);
    struct loaded *running = fixture->loaded;
    fixture->loaded = NULL;
    _cleanup_free_ char *before = tables();

    fixture->options.netfilter = LOAD_NETFILTER_LINK;
    check_refused(fixture, -EBUSY, "owner");
    assert_int_equal(page_of(fixture).netfilter, TCTL_NETFILTER_NFT);
    check_no_links(fixture);

    fixture->options.netfilter = LOAD_NETFILTER_NFT;
    assert_return_code(loader_start(&fixture->options, false, NULL, &fixture->loaded, &fault), 0);
    assert_int_equal(look(fixture).places, 0);
    _cleanup_free_ char *after = tables();
    assert_string_equal(after, before);
    loaded_free(running);
}

static size_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void repair(struct fixture *fixture, int error)
{
    struct load_seen found = {0};
    fault = (struct fault){0};
    int r = loader_repair(fixture->loaded, &fixture->options, &found, &fault);
    if (r != error)
        fail_msg("%d: %s", r, fault.text);
}

static void repairs_keep_no_descriptors(void **state)
{
    struct fixture *fixture = *state;
    load_by(fixture, LOAD_NETFILTER_LINK);
    const size_t before = open_descriptors();
    for (int i = 0; i < 2; i++) {
        assert_return_code(unlink(path_of(fixture, PIN_INGRESS_PROG)), errno);
        repair(fixture, 0);
        struct load_seen seen = look(fixture);
        assert_true(load_seen_whole(&seen));
    }
    assert_int_equal(open_descriptors(), before);
}

/* Interfaces do not care about the control group. */
static void places_are_repaired_whatever_else_cannot(void **state)
{
    struct fixture *fixture = *state;
    load_by(fixture, LOAD_NETFILTER_LINK);
    assert_return_code(rmdir(fixture->cgroup), errno);
    assert_return_code(unlink(path_of(fixture, PIN_PREROUTING6_LINK)), errno);
    assert_int_equal(look(fixture).places, 1u << TCTL_PREROUTING6);
    repair(fixture, -ENOENT);
    assert_int_equal(look(fixture).places, 0);
    assert_return_code(mkdir(fixture->cgroup, 0755), errno);
}

static int adopt(void *context)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    const struct fixture *fixture = context;
    struct loaded *loaded = NULL;
    struct load_seen seen = {0};
    int r = syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
    if (r == 0)
        r = loader_start(&fixture->options, true, NULL, &loaded, &fault);
    if (r == 0)
        r = loader_watch(loaded, &seen);
    if (r < 0 || !load_seen_whole(&seen))
        fprintf(stderr, "%d %s: missing places 0x%x, pins 0x%llx\n", r, fault.text, seen.places,
                (unsigned long long)seen.pins);
    loaded_free(loaded);
    return r == 0 && load_seen_whole(&seen) ? 0 : 1;
}

/* What only root can look at is believed to be as root left it. */
static void who_may_not_look_finds_nothing_wrong(void **state)
{
    static const enum load_netfilter ways[] = {LOAD_NETFILTER_LINK, LOAD_NETFILTER_NFT};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        load_by(fixture, ways[i]);
        stop(fixture);
        assert_int_equal(surroundings_wait(surroundings_fork(adopt, fixture)), 0);
        assert_int_equal(page_of(fixture).hooked, TCTL_ALL_IFACE_HOOKS);
    }
}

/* They stay pinned for the day when links are asked for again. */
static void programs_of_a_way_that_ended_are_not_missed(void **state)
{
    struct fixture *fixture = *state;
    load_by(fixture, LOAD_NETFILTER_LINK);
    stop(fixture);
    load_by(fixture, LOAD_NETFILTER_NFT);
    unlink(path_of(fixture, PIN_LINK_INGRESS_PROG));
    unlink(path_of(fixture, PIN_LINK_CALLS));
    struct load_seen seen = look(fixture);
    assert_true(load_seen_whole(&seen));
}

/* A chain of somebody else's may have the priority of ours later; which of both has it nobody tells. */
static void a_detached_link_is_missed_whatever_chains_there_are(void **state)
{
    struct fixture *fixture = *state;
    struct load_seen seen;
    load_by(fixture, LOAD_NETFILTER_LINK);
    ruleset_run("nft 'table inet other { chain post { type filter hook postrouting priority mangle; }; }'");
    _cleanup_fd_ int link = fixture_pin(fixture, PIN_POSTROUTING4_LINK);
    assert_return_code(bpf_link_detach(link), errno);
    seen = look(fixture);
    assert_int_equal(seen.places, 1u << TCTL_POSTROUTING4);
    repair(fixture, 0);
    assert_int_equal(look(fixture).places, 0);
    ruleset_run("nft delete table inet other");
}

static void unload_does_without_the_state(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_free_ char *before = tables();
    load_by(fixture, LOAD_NETFILTER_NFT);
    stop(fixture);
    assert_return_code(unlink(path_of(fixture, PIN_STATE)), errno);
    assert_return_code(loader_unload(fixture->bpffs, &fault), 0);
    _cleanup_free_ char *after = tables();
    assert_string_equal(after, before);
}

static void unload_does_without_the_page(void **state)
{
    struct fixture *fixture = *state;
    load_by(fixture, LOAD_NETFILTER_LINK);
    stop(fixture);
    _cleanup_fd_ int other = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
    assert_return_code(unlink(path_of(fixture, PIN_INTERFACES)), errno);
    assert_return_code(bpf_obj_pin(other, path_of(fixture, PIN_INTERFACES)), errno);
    assert_return_code(loader_unload(fixture->bpffs, &fault), 0);
    check_no_links(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_that_cannot_be_are_taken_back),
        TEST(links_that_cannot_be_leave_the_earlier_way),
        TEST(links_that_cannot_be_do_not_stay_beside_rules),
        TEST(rules_of_a_start_that_fails_are_taken_back),
        TEST(links_of_a_start_that_fails_are_taken_back),
        TEST(a_running_trafficd_keeps_its_way),
        TEST(repairs_keep_no_descriptors),
        TEST(places_are_repaired_whatever_else_cannot),
        TEST(who_may_not_look_finds_nothing_wrong),
        TEST(programs_of_a_way_that_ended_are_not_missed),
        TEST(a_detached_link_is_missed_whatever_chains_there_are),
        TEST(unload_does_without_the_state),
        TEST(unload_does_without_the_page),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
