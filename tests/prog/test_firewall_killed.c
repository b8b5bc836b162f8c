/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whoever changes the firewall is killed before and after each of its system calls in turn. What then holds is the old
 * or the new rule for each UID, and the old or the new policy whole; nobody is locked out, and a restore finishes.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/firewall.h>

#include "enforce.h"
#include "fd.h"
#include "fixture.h"
#include "policy_file.h"
#include "policy_text.h"

/* Lists overlap: the first third is on the old one alone, the last on the new one alone. */
#define FIRST 10001u
#define THIRD 12u

static uint32_t uids[3 * THIRD];
static const uint32_t *const old_list = uids, *const new_list = uids + THIRD;
#define LISTED (2 * THIRD)

static char folder[] = "/tmp/trafficctl-killed-XXXXXX", policy_path[64], good_path[64], options[120];

struct change {
    unsigned int chain;
    bool enable; /* instead of replacing the list */
};

/* How a killed change was found. */
struct seen {
    int kills;
    int file_old_maps_old, file_new_maps_old, between, both_new;
};

static int set_up(void **state)
{
    struct fixture *fixture = fixture_new(false);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(policy_path, sizeof(policy_path), "%s/policy", folder);
    snprintf(good_path, sizeof(good_path), "%s/policy" POLICY_FILE_GOOD, folder);
    snprintf(options, sizeof(options), "policy = %s\ndestroy_sockets = no\n", policy_path);
    fixture->options.policy = policy_path;
    fixture->options.effective = options;
    fixture_load(fixture);
    for (uint32_t i = 0; i < ARRAY_SIZE(uids); i++)
        uids[i] = FIRST + 3 * i;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    *state = fixture_free(*state);
    return 0;
}

static int do_change(struct tctl_firewall *firewall, const struct change *change)
{
    return change->enable ? tctl_firewall_enable(firewall, change->chain, true, 0)
                          : tctl_firewall_replace(firewall, change->chain, new_list, LISTED, 0);
}

/* As before the change, in the policy and in the maps. */
static void put_back(struct tctl_firewall *firewall, const struct change *change)
{
    if (change->enable)
        assert_int_equal(tctl_firewall_enable(firewall, change->chain, false, 0), 0);
    else
        assert_int_equal(tctl_firewall_replace(firewall, change->chain, old_list, LISTED, 0), 0);
}

/* Everything else that may be said of the same UIDs, which no change may touch. */
static void prepare(struct tctl_firewall *firewall, const struct change *change)
{
    assert_int_equal(tctl_firewall_set(firewall, TCTL_OEM_DENY_3, uids, ARRAY_SIZE(uids), false, 0), 0);
    assert_int_equal(tctl_firewall_set(firewall, TCTL_POWERSAVE, uids, ARRAY_SIZE(uids), true, 0), 0);
    assert_int_equal(tctl_firewall_lockdown(firewall, uids[0], true, 0), 0);
    assert_int_equal(tctl_firewall_set_iface(firewall, uids[LISTED], "lo", 0), 0);
    assert_int_equal(tctl_firewall_enable(firewall, change->chain, !change->enable, 0), 0);
    assert_int_equal(tctl_firewall_replace(firewall, change->chain, old_list, LISTED, 0), 0);
}

/* In the child. */
__attribute__((noreturn)) static void change_traced(const char *bpffs, const struct change *change)
{
    struct tctl_firewall *firewall;
    int r = tctl_firewall_open(bpffs, &firewall);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    if (r == 0)
        r = do_change(firewall, change);
    _exit(r == 0 ? 0 : 1);
}

/* The change up to its n-th stop before or after a system call, and then SIGKILL. False: it ended before that. */
static bool change_and_kill(const char *bpffs, const struct change *change, int n)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        change_traced(bpffs, change);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status));
    assert_return_code(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), errno);
    for (int stop = 0; stop < n; stop++) {
        assert_return_code(ptrace(PTRACE_SYSCALL, child, NULL, NULL), errno);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
        assert_int_equal(WSTOPSIG(status), SIGTRAP | 0x80);
    }
    assert_return_code(kill(child, SIGKILL), errno);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return true;
}

static void assert_lock_is_free(const struct fixture *fixture)
{
    _cleanup_fd_ int fd = open(fixture_path(fixture, TCTL_DIR), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(flock(fd, LOCK_EX | LOCK_NB), errno);
}

static void read_maps(const struct fixture *fixture, struct policy *ret_policy)
{
    struct enforce enforce;
    assert_int_equal(enforce_open(fixture->bpffs, &enforce), 0);
    assert_int_equal(enforce_read(&enforce, ret_policy), 0);
    enforce_done(&enforce);
}

static bool is_same(const struct policy *a, const struct policy *b)
{
    _cleanup_free_ char *text = NULL, *other = NULL;
    size_t length, other_length;
    struct fault fault = {0};
    assert_int_equal(policy_text_print(a, &text, &length, &fault), 0);
    assert_int_equal(policy_text_print(b, &other, &other_length, &fault), 0);
    return strcmp(text, other) == 0;
}

/* One of both, whole: false: the old one. */
static bool file_is_new(const char *path, const struct policy *before, const struct policy *after)
{
    _cleanup_(policy_done) struct policy policy = {0};
    struct fault fault = {0};
    if (policy_file_read(path, &policy, &fault) < 0)
        fail_msg("%s", fault.text);
    bool is_new = is_same(&policy, after);
    assert_true(is_new || is_same(&policy, before));
    return is_new;
}

static size_t how_many(const struct policy_uids *list, const uint32_t *of)
{
    size_t count = 0;
    for (size_t i = 0; i < THIRD; i++)
        count += policy_uids_has(list, of[i]);
    return count;
}

/* Each UID has its old rule or its new one; those on both lists are on it; allowing came first. */
static void assert_list_between(unsigned int chain, const struct policy_uids *list)
{
    size_t left = how_many(list, uids), kept = how_many(list, uids + THIRD), came = how_many(list, uids + 2 * THIRD);
    assert_int_equal(kept, THIRD);
    assert_int_equal(list->count, left + kept + came);
    if (tctl_chain_is_allow_list(chain))
        assert_true(left == THIRD || came == THIRD);
    else
        assert_true(left == 0 || came == 0);
}

/* But for the chain that is changed the maps hold what they did. */
static void assert_maps_between(const struct change *change, const struct policy *maps, const struct policy *before)
{
    _cleanup_(policy_done) struct policy rest = {0};
    const struct policy_uids *was = &before->listed[change->chain];
    assert_int_equal(policy_copy(maps, &rest), 0);
    if (change->enable)
        rest.switched = before->switched;
    else
        assert_list_between(change->chain, &maps->listed[change->chain]);
    if (change->enable)
        assert_int_equal(maps->switched & ~TCTL_BIT(change->chain), before->switched);
    else
        assert_int_equal(policy_uids_replace(&rest.listed[change->chain], was->uids, was->count), 0);
    assert_true(is_same(&rest, before));
}

static void assert_rows_name_their_uids(const struct fixture *fixture)
{
    for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
        struct tctl_uid_rules row;
        assert_true(fixture_get(fixture, PIN_UID_RULES, &uids[i], &row));
        assert_int_equal(row.uid, uids[i]);
        assert_true(row.rules & TCTL_BIT(TCTL_OEM_DENY_3));
    }
}

static void look_at_what_is_left(const struct fixture *fixture, const struct change *change,
                                 const struct policy *before, const struct policy *after, struct seen *seen)
{
    _cleanup_(policy_done) struct policy maps = {0};
    assert_lock_is_free(fixture);
    bool is_new = file_is_new(policy_path, before, after);
    file_is_new(good_path, before, after);
    read_maps(fixture, &maps);
    assert_maps_between(change, &maps, before);
    assert_rows_name_their_uids(fixture);
    bool maps_old = is_same(&maps, before), maps_new = is_same(&maps, after);
    assert_true(is_new || maps_old); /* what was asked for is known before it holds */
    seen->kills++;
    seen->file_old_maps_old += !is_new && maps_old;
    seen->file_new_maps_old += is_new && maps_old;
    seen->between += !maps_old && !maps_new;
    seen->both_new += is_new && maps_new;
}

static void restore_makes_equal(const struct fixture *fixture, struct tctl_firewall *firewall)
{
    _cleanup_(policy_done) struct policy maps = {0}, saved = {0};
    struct fault fault = {0};
    if (tctl_firewall_restore(firewall) < 0)
        fail_msg("%s", tctl_firewall_problem(firewall));
    read_maps(fixture, &maps);
    assert_int_equal(policy_file_read(policy_path, &saved, &fault), 0);
    assert_true(is_same(&maps, &saved));
}

static struct seen kill_at_every_point(const struct fixture *fixture, const struct change *change)
{
    _cleanup_(policy_done) struct policy before = {0}, after = {0};
    struct tctl_firewall *firewall;
    struct seen seen = {0};
    assert_int_equal(tctl_firewall_open(fixture->bpffs, &firewall), 0);
    prepare(firewall, change);
    read_maps(fixture, &before);
    assert_int_equal(do_change(firewall, change), 0);
    read_maps(fixture, &after);
    assert_false(is_same(&before, &after));

    put_back(firewall, change);
    for (int n = 1; change_and_kill(fixture->bpffs, change, n); n++) {
        look_at_what_is_left(fixture, change, &before, &after, &seen);
        restore_makes_equal(fixture, firewall);
        put_back(firewall, change);
    }
    assert_true(file_is_new(policy_path, &before, &after));
    tctl_firewall_close(firewall);
    print_message("%s: killed at %d points; file and maps old: %d, file new: %d, maps between: %d, both new: %d\n",
                  tctl_chain_name(change->chain), seen.kills, seen.file_old_maps_old, seen.file_new_maps_old,
                  seen.between, seen.both_new);
    assert_true(seen.file_old_maps_old > 0 && seen.file_new_maps_old > 0 && seen.both_new > 0);
    return seen;
}

static void killed_replace(const struct fixture *fixture, unsigned int chain)
{
    assert_true(kill_at_every_point(fixture, &(struct change){.chain = chain}).between > 0);
}

static void killed_enable(const struct fixture *fixture, unsigned int chain)
{
    kill_at_every_point(fixture, &(struct change){.chain = chain, .enable = true});
}

static void a_killed_replace_of_netds_allow_list_is_old_or_new_for_each(void **state)
{
    killed_replace(*state, TCTL_DOZABLE);
}

static void a_killed_replace_of_netds_deny_list_is_old_or_new_for_each(void **state)
{
    killed_replace(*state, TCTL_STANDBY);
}

static void a_killed_replace_of_our_allow_list_is_old_or_new_for_each(void **state)
{
    killed_replace(*state, TCTL_RESTRICTED);
}

static void a_killed_replace_of_our_deny_list_is_old_or_new_for_each(void **state)
{
    killed_replace(*state, TCTL_OEM_DENY_1);
}

static void a_killed_enable_of_netds_chain_is_old_or_new(void **state)
{
    killed_enable(*state, TCTL_DOZABLE);
}

static void a_killed_enable_of_our_chain_is_old_or_new(void **state)
{
    killed_enable(*state, TCTL_BACKGROUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_killed_replace_of_netds_allow_list_is_old_or_new_for_each),
        TEST(a_killed_replace_of_netds_deny_list_is_old_or_new_for_each),
        TEST(a_killed_replace_of_our_allow_list_is_old_or_new_for_each),
        TEST(a_killed_replace_of_our_deny_list_is_old_or_new_for_each),
        TEST(a_killed_enable_of_netds_chain_is_old_or_new),
        TEST(a_killed_enable_of_our_chain_is_old_or_new),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: firewall killed", tests, NULL, NULL);
}
