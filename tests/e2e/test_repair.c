/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whatever takes the programs off the control group, or their pins away: trafficd notices within a second, says so,
 * puts them back, and what was denied is denied again. Maps it never puts back. Rules for interfaces follow their
 * names.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "heard_wall.h"
#include "inside.h"
#include "traffic_abi.h"

#define FREE 10002
#define WHOLE "all programs are attached and pinned again"

static const struct program_pins {
    const char *name, *link, *prog;
    enum bpf_attach_type hook;
} PROGRAMS[TCTL_PROGRAMS] = {
    {"ingress", "trafficctl/ingress_link", "ingress_prog", BPF_CGROUP_INET_INGRESS},
    {"egress", "trafficctl/egress_link", "egress_prog", BPF_CGROUP_INET_EGRESS},
    {"release", "trafficctl/release_link", "trafficctl/release_prog", BPF_CGROUP_INET_SOCK_RELEASE},
    {"connect4", "trafficctl/connect4_link", "trafficctl/connect4_prog", BPF_CGROUP_INET4_CONNECT},
    {"connect6", "trafficctl/connect6_link", "trafficctl/connect6_prog", BPF_CGROUP_INET6_CONNECT},
};

static const char *pin_path(const char *pin)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/%s", the_world->bpffs, pin);
    return path;
}

static void remove_pin(const char *pin)
{
    assert_return_code(unlink(pin_path(pin)), errno);
}

/* As the kernel says it, who is asked without pins. */
static uint32_t attached(enum bpf_attach_type hook)
{
    uint32_t ids[8], count = 8, flags;

    assert_int_equal(bpf_prog_query(the_world->cgroup_fd, hook, 0, &flags, ids, &count), 0);
    return count;
}

static void connects(uid_t uid, const char *address, int expected)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, uid, AF_INET, SOCK_STREAM, 0);
    union address to = {.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}};

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, address, &to.v4.sin_addr), 1);
    int r = connect(fd, &to.any, sizeof(to.v4));
    assert_int_equal(r < 0 ? errno : 0, expected);
}

static void denies(void)
{
    struct udp denied = udp_pair(the_world, DENIED, AF_INET, 1), free_one = udp_pair(the_world, FREE, AF_INET, 2);

    assert_false(sends(&denied));
    assert_true(sends(&free_one));
    assert_false(receives(&denied));
    assert_true(receives(&free_one));
    connects(DENIED, WORLD_B4, EPERM);
    connects(FREE, WORLD_B4, EINPROGRESS);
    udp_close(&denied);
    udp_close(&free_one);
}

/* Each program hangs there once, is the one that is pinned, and nothing differs from what was asked for. */
static void is_whole(void)
{
    json_t *status = run_ctl_json(the_world, "status", 0);

    assert_string_equal(json_string_value(json_object_get(status, "state")), "ok");
    json_decref(status);
    for (size_t i = 0; i < TCTL_PROGRAMS; i++)
        assert_int_equal(attached(PROGRAMS[i].hook), 1);
    denies();
}

static void is_repaired(const char *said_first)
{
    journal_waits_for(said_first);
    journal_waits_for(WHOLE);
    is_whole();
    assert_int_equal(journal_count(said_first), 1);
    assert_int_equal(journal_count(WHOLE), 1);
    journal_forget();
}

static void test_detached_link(void **state)
{
    char line[80];

    (void)state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        _cleanup_fd_ int link = world_map(the_world, PROGRAMS[i].link);
        assert_return_code(bpf_link_detach(link), errno);
        snprintf(line, sizeof(line), "the %s program is no longer attached", PROGRAMS[i].name);
        is_repaired(line);
    }
}

static void test_all_links_detached_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        _cleanup_fd_ int link = world_map(the_world, PROGRAMS[i].link);
        assert_return_code(bpf_link_detach(link), errno);
    }
    journal_waits_for("the egress program is no longer attached");
    journal_waits_for(WHOLE);
    /* Who detaches may come between two looks. */
    for (uint64_t start = now_ms(); attached(BPF_CGROUP_INET6_CONNECT) == 0;)
        assert_true(now_ms() - start < SECOND_MS);
    is_whole();
}

static void removed(const char *pin)
{
    char line[256];

    snprintf(line, sizeof(line), "the pin %s is gone or not ours any more", pin_path(pin));
    remove_pin(pin);
    is_repaired(line);
    assert_return_code(access(pin_path(pin), F_OK), errno);
}

static void test_pin_of_a_link_removed(void **state)
{
    (void)state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++)
        removed(PROGRAMS[i].link);
}

static void test_pin_of_a_program_removed(void **state)
{
    (void)state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++)
        removed(PROGRAMS[i].prog);
    removed("xt_bpf_egress_prog");
}

static void test_pin_of_an_iterator_removed(void **state)
{
    (void)state;
    removed("trafficctl/open_sockets");
}

/* Returns 1, without looking. */
static int load_foreign(enum bpf_attach_type hook)
{
    const struct bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1}, {.code = BPF_JMP | BPF_EXIT}};
    bool packets = hook == BPF_CGROUP_INET_INGRESS || hook == BPF_CGROUP_INET_EGRESS;
    enum bpf_prog_type type = packets                                ? BPF_PROG_TYPE_CGROUP_SKB
                              : hook == BPF_CGROUP_INET_SOCK_RELEASE ? BPF_PROG_TYPE_CGROUP_SOCK
                                                                     : BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook);
    int fd = bpf_prog_load(type, "foreign", "GPL", pass, ARRAY_SIZE(pass), &options);

    assert_return_code(fd, errno);
    return fd;
}

static void test_foreign_program_in_our_link(void **state)
{
    char line[96];

    (void)state;
    for (size_t i = 0; i < TCTL_PROGRAMS; i++) {
        _cleanup_fd_ int link = world_map(the_world, PROGRAMS[i].link), foreign = load_foreign(PROGRAMS[i].hook);
        assert_return_code(bpf_link_update(link, foreign, NULL), errno);
        snprintf(line, sizeof(line), "another program hangs in the place of the %s program", PROGRAMS[i].name);
        is_repaired(line);
    }
}

static void make_group(void)
{
    assert_return_code(mkdir(the_world->cgroup, 0755), errno);
    the_world->cgroup_fd = fd_close(the_world->cgroup_fd);
    the_world->cgroup_fd = open(the_world->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(the_world->cgroup_fd, errno);
}

/* Said in the manual: sockets of the old one are of no control group that anything hangs on. */
static void test_control_group_removed_and_made_anew(void **state)
{
    struct udp old = udp_pair(the_world, DENIED, AF_INET, 3);

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_return_code(rmdir(the_world->cgroup), errno);
        make_group();
        journal_waits_for("was removed");
        journal_waits_for(WHOLE);
        is_whole();
        assert_true(sends(&old));
        journal_forget();
    }
    udp_close(&old);
}

/* As long as there is none, that is said once; the one that is made is taken at once. */
static void test_control_group_made_anew_later(void **state)
{
    (void)state;
    assert_return_code(rmdir(the_world->cgroup), errno);
    journal_waits_for("was removed");
    journal_waits_for("cannot repair what is attached: ");
    journal_waits_for("trying again each second");
    run_ctl(the_world, "status", 4, &said);
    make_group();
    journal_waits_for(WHOLE);
    assert_int_equal(journal_count("cannot repair"), 1);
    is_whole();
}

/* What a peer does to maps is its right, and what it took away could only come back empty. */
static void test_a_map_is_never_put_back(void **state)
{
    _cleanup_fd_ int map = world_map(the_world, "trafficctl/uid_rules");

    (void)state;
    remove_pin("trafficctl/uid_rules");
    journal_waits_for("trafficctl/uid_rules is not pinned any more, or another one is: restart trafficd");
    assert_int_equal(access(pin_path("trafficctl/uid_rules"), F_OK), -1);
    denies();
    assert_return_code(bpf_obj_pin(map, pin_path("trafficctl/uid_rules")), errno);
    journal_waits_for(WHOLE);
    is_whole();
}

/* Rules that peers wrote stay as they are, also while programs are repaired. */
static void test_rules_written_raw_stay(void **state)
{
    struct udp free_one = udp_pair(the_world, FREE, AF_INET, 2);

    (void)state;
    byte_write(the_world, "traffic_standby_uid_map", FREE, 0);
    byte_write(the_world, "traffic_standby_uid_map", DENIED, 1);
    remove_pin("egress_prog");
    journal_waits_for(WHOLE);
    assert_false(sends(&free_one));
    assert_int_equal(byte_read(the_world, "traffic_standby_uid_map", DENIED), 1);
    udp_close(&free_one);
}

/* The number of an interface that is there, as its mark has it. */
static void is_metered(const char *name)
{
    _cleanup_fd_ int marks = world_map(the_world, "trafficctl/metered");
    uint32_t number = if_nametoindex(name);
    uint64_t start = now_ms();
    uint8_t mark;

    assert_int_not_equal(number, 0);
    while (bpf_map_lookup_elem(marks, &number, &mark) < 0)
        assert_true(now_ms() - start < SECOND_MS);
    assert_int_equal(map_rows(the_world, "trafficctl/metered"), 1);
}

static void nothing_is_metered(void)
{
    for (uint64_t start = now_ms(); map_rows(the_world, "trafficctl/metered") > 0;)
        assert_true(now_ms() - start < SECOND_MS);
}

static void ip(const char *words)
{
    assert_int_equal(world_run(the_world, PLACE_A, "ip link %s", words), 0);
}

static void why(const char *iface, const char *verdict)
{
    char words[96];

    snprintf(words, sizeof(words), "firewall why %d --iface %s --out", FREE, iface);
    json_t *answer = run_ctl_json(the_world, words, 0);
    assert_string_equal(json_string_value(json_object_get(answer, "verdict")), verdict);
    json_decref(answer);
}

static void test_metered_interface_comes_and_goes(void **state)
{
    (void)state;
    ip("add metered0 type bridge");
    wall("iface metered metered0 on");
    wall("firewall enable metered_deny_user");
    wall("firewall deny metered_deny_user %d", FREE);
    why("metered0", "drop");
    for (int i = 0; i < 3; i++) {
        ip("del metered0");
        nothing_is_metered();
        ip("add metered0 type bridge");
        is_metered("metered0");
        why("metered0", "drop");
    }
    ip("del metered0");
    nothing_is_metered();
    ip("add plain0 type bridge");
    why("plain0", "pass");
    ip("set plain0 name metered0");
    is_metered("metered0");
    why("metered0", "drop");
    ip("del metered0");
}

/* What the rule of a UID's interface says comes to be this number. */
static void lets_in_from(uint32_t number)
{
    _cleanup_fd_ int rows = world_map(the_world, "trafficctl/uid_iface");
    const uint32_t uid = FREE;
    uint64_t start = now_ms();
    struct tctl_uid_iface row;

    do {
        assert_true(now_ms() - start < SECOND_MS);
        assert_return_code(bpf_map_lookup_elem(rows, &uid, &row), errno);
    } while (row.iface != number);
}

static void test_rule_of_an_interface_follows_its_name(void **state)
{
    struct udp free_one = udp_pair(the_world, FREE, AF_INET, 2);

    (void)state;
    ip("add own0 type bridge");
    wall("firewall iif %d own0", FREE);
    lets_in_from(if_nametoindex("own0"));
    assert_false(receives(&free_one));
    for (int i = 0; i < 3; i++) {
        ip("del own0");
        lets_in_from(TCTL_NO_IFACE);
        ip("add own0 type bridge");
        lets_in_from(if_nametoindex("own0"));
    }
    ip("del own0");
    lets_in_from(TCTL_NO_IFACE);
    assert_false(receives(&free_one));
    ip("add plain0 type bridge");
    ip("set plain0 name own0");
    lets_in_from(if_nametoindex("own0"));
    ip("del own0");
    udp_close(&free_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WALL(test_detached_link),
        WITH_WALL(test_all_links_detached_at_once),
        WITH_WALL(test_pin_of_a_link_removed),
        WITH_WALL(test_pin_of_a_program_removed),
        WITH_WALL(test_pin_of_an_iterator_removed),
        WITH_WALL(test_foreign_program_in_our_link),
        WITH_WALL(test_control_group_removed_and_made_anew),
        WITH_WALL(test_control_group_made_anew_later),
        WITH_WALL(test_a_map_is_never_put_back),
        WITH_WALL(test_rules_written_raw_stay),
        WITH_WALL(test_metered_interface_comes_and_goes),
        WITH_WALL(test_rule_of_an_interface_follows_its_name),
    };
    const struct world_options options = {.config = WALL_CONFIG};

    return run_world("repair", tests, ARRAY_SIZE(tests), &options);
}
