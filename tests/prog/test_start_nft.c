/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A start where nf_tables counts: what it makes, takes over, refuses and takes back. Root, in a namespace of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "denial.h"
#include "fd.h"
#include "ruleset.h"
#include "started.h"
#include "state.h"
#include "surroundings.h"

#define OTHER_BOOT "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"

static bool is_there(void)
{
    _cleanup_free_ char *tables = ruleset_says("nft list tables");
    return strstr(tables, NFT_USERS);
}

static void a_start_counts_and_judges(void **state)
{
    (void)state;
    ask_for(DENIES);
    start();
    assert_string_equal(loaded_backend(at.loaded), "nft");
    assert_string_equal(loaded_place(at.loaded), at.folder);
    assert_false(loaded_has_maps(at.loaded));
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(users_send(DENIED), EPERM);
    assert_sent(ALICE, 1);
    assert_sent(DENIED, 0);
    assert_int_equal(noted().abi_version, TCTL_ABI_VERSION);
    assert_true(noted().since_sec > 0);
    assert_int_equal(noted().attached, noted().wanted);
    assert_non_null(strstr(noted().options, "backend_why = --backend nft\n"));
    assert_string_equal(at.warned, "");
}

static void a_restart_takes_over_what_is_counted_and_judged(void **state)
{
    (void)state;
    ask_for(DENIES);
    start();
    assert_int_equal(users_send(ALICE), 0);
    const uint64_t since = noted().since_sec;
    stop();
    assert_int_equal(users_send(ALICE), 0);
    ask_for("trafficctl policy 1\nend\n");
    start();
    assert_int_equal(users_send(DENIED), EPERM);
    assert_sent(ALICE, 2);
    assert_int_equal(noted().since_sec, since);
}

static int deny_programs_and_start(void *context)
{
    (void)context;
    at.options.backend = LOAD_BACKEND_AUTO;
    if (denial_of_bpf(DENIAL_OF(BPF_PROG_LOAD), EINVAL) < 0 || try_start() < 0)
        return 1;
    return strstr(at.warned, "nf_tables counts, since this kernel lacks CONFIG_CGROUP_BPF: ") ? 0 : 2;
}

static void who_gets_less_than_he_asked_for_is_warned(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(deny_programs_and_start, NULL)), 0);
}

static void where_the_policy_is_damaged_nobody_passes(void **state)
{
    (void)state;
    ask_for("trafficctl policy 1\nenable standby\n");
    start();
    assert_int_equal(users_send(ALICE), EPERM);
    assert_int_equal(users_send(NOBODY), 0);
    assert_non_null(strstr(at.warned, "nobody passes"));
    ask_for(DENIES);
    restart();
    assert_int_equal(users_send(ALICE), EPERM);
    stop();
    assert_int_equal(loader_unload(at.folder, &at.fault), 0);
    start();
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(users_send(DENIED), EPERM);
}

/* Others may see the table, but no packet does, until the policy holds. */
static void a_first_start_that_was_killed_is_begun_anew(void **state)
{
    (void)state;
    start();
    struct tctl_state killed = noted();
    killed.since_sec = killed.seen_sec = 0;
    stop();
    write_noted(&killed);
    ask_for(DENIES);
    start();
    assert_int_equal(users_send(DENIED), EPERM);
    assert_true(noted().since_sec > 0);
}

static void a_state_without_bytes_is_begun_anew(void **state)
{
    (void)state;
    start();
    stop();
    assert_return_code(truncate(at.state, 0), errno);
    assert_int_equal(state_is_file(at.folder), 1);
    start();
    assert_true(noted().since_sec > 0);
}

static void another_boot_begins_anew(void **state)
{
    (void)state;
    start();
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(loader_save(at.loaded, &at.fault), 0);
    struct tctl_state earlier = noted();
    stop();
    strcpy(earlier.boot_id, OTHER_BOOT);
    earlier.since_sec = 7;
    earlier.netns_inum = 7;
    write_noted(&earlier);
    ruleset_run("nft flush ruleset");
    start();
    assert_true(noted().since_sec > 7);
    assert_string_not_equal(noted().boot_id, OTHER_BOOT);
}

static void a_table_that_went_while_nobody_looked_comes_back(void **state)
{
    (void)state;
    ask_for(DENIES);
    start();
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(loader_save(at.loaded, &at.fault), 0);
    stop();
    ruleset_run("nft flush ruleset");
    assert_int_equal(users_send(DENIED), 0);
    start();
    assert_int_equal(users_send(DENIED), EPERM);
    assert_int_equal(users_send(ALICE), 0);
    assert_sent(ALICE, 2);
}

static void a_set_that_went_while_nobody_looked_comes_back_with_the_policy(void **state)
{
    (void)state;
    ask_for(DENIES);
    start();
    stop();
    ruleset_run("nft flush chain inet " NFT_USERS " rules_out");
    ruleset_run("nft flush chain inet " NFT_USERS " rules_connect");
    ruleset_run("nft flush chain inet " NFT_USERS " rules_in");
    ruleset_run("nft delete set inet " NFT_USERS " standby");
    assert_int_equal(users_send(DENIED), 0);
    start();
    assert_int_equal(users_send(DENIED), EPERM);
}

static void a_foreign_table_of_that_name_is_left_alone(void **state)
{
    (void)state;
    ruleset_run("nft add table inet " NFT_USERS);
    ruleset_run("nft add chain inet " NFT_USERS " theirs");
    _cleanup_free_ char *before = ruleset_says("nft list ruleset");
    assert_int_equal(try_start(), -EEXIST);
    assert_non_null(strstr(at.fault.text, "not ours"));
    _cleanup_free_ char *after = ruleset_says("nft list ruleset");
    assert_string_equal(before, after);
    assert_int_equal(access(at.ours, F_OK), -1);
    ruleset_run("nft delete table inet " NFT_USERS);
    start();
}

static void a_failed_start_leaves_what_was(void **state)
{
    (void)state;
    start();
    const struct tctl_state before = noted();
    stop();
    ruleset_run("nft delete table inet " NFT_USERS);
    ruleset_run("nft add table inet " NFT_USERS);
    assert_int_equal(try_start(), -EEXIST);
    const struct tctl_state after = noted();
    assert_memory_equal(&before, &after, sizeof(before));
}

static void another_trafficd_is_refused(void **state)
{
    (void)state;
    struct loaded *mine;
    start();
    mine = TAKE_PTR(at.loaded);
    assert_int_equal(try_start(), -EBUSY);
    assert_non_null(strstr(at.fault.text, "another trafficd runs"));
    assert_true(is_there());
    loaded_free(mine);
}

/* Its files may be anywhere: the table is the same. */
static void another_trafficd_of_the_namespace_is_refused(void **state)
{
    (void)state;
    char other[128];
    start();
    struct loaded *mine = TAKE_PTR(at.loaded);
    snprintf(other, sizeof(other), "%s/other", at.folder);
    assert_return_code(mkdir(other, 0755), errno);
    at.options.bpffs = other;
    assert_int_equal(try_start(), -EBUSY);
    assert_non_null(strstr(at.fault.text, "in this network namespace: stop it first"));
    assert_true(is_there());
    loaded_free(mine);
    start();
    assert_string_equal(at.warned, "");
}

static int squat(void *context)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0trafficctl_users"};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0), *ready = context;
    if (setresuid(NOBODY, NOBODY, NOBODY) < 0 || fd < 0 ||
        bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 17)) < 0 ||
        listen(fd, 1) < 0 || write(ready[1], "x", 1) != 1)
        return 1;
    pause();
    return 0;
}

/* Whoever is not root keeps nobody from starting. */
static void who_takes_the_name_is_only_warned_of(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    assert_return_code(pipe2(ready, O_CLOEXEC), errno);
    const pid_t squatter = surroundings_fork(squat, ready);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    start();
    assert_non_null(strstr(at.warned, "@trafficctl_users"));
    assert_return_code(kill(squatter, SIGKILL), errno);
    assert_int_equal(waitpid(squatter, NULL, 0), squatter);
    fd_close(ready[0]);
    fd_close(ready[1]);
    restart();
    assert_string_equal(at.warned, "");
}

static int start_elsewhere(void *context)
{
    (void)context;
    return unshare(CLONE_NEWNET) == 0 ? -try_start() : 1;
}

static void another_network_namespace_is_refused(void **state)
{
    (void)state;
    start();
    stop();
    assert_int_equal(surroundings_wait(surroundings_fork(start_elsewhere, NULL)), EXDEV);
    start();
}

static void a_folder_that_others_write_to_is_refused(void **state)
{
    (void)state;
    assert_return_code(chmod(at.folder, 0777), errno);
    assert_int_equal(try_start(), -EBADMSG);
    assert_non_null(strstr(at.fault.text, at.folder));
    assert_false(is_there());
}

/* Before anything is loaded: trafficd would end behind it. */
static void a_place_too_long_for_a_socket_is_refused(void **state)
{
    (void)state;
    char place[109];
    memset(place, '/', sizeof(place));
    memcpy(place, at.folder, strlen(at.folder));
    place[sizeof(place) - 1] = '\0';
    at.options.bpffs = place;
    assert_int_equal(try_start(), -ENAMETOOLONG);
    assert_non_null(strstr(at.fault.text, "--bpffs has more than 87 bytes"));
    place[88] = '\0';
    assert_int_equal(try_start(), -ENAMETOOLONG);
    assert_false(is_there());
    place[87] = '\0';
    start();
}

static void saved_counters_that_are_damaged_are_warned_of(void **state)
{
    (void)state;
    start();
    stop();
    write_file(at.base, "not counters");
    start();
    assert_non_null(strstr(at.warned, "counting begins anew"));
    restart();
    assert_string_equal(at.warned, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(a_start_counts_and_judges),
        STARTED(a_restart_takes_over_what_is_counted_and_judged),
        STARTED(who_gets_less_than_he_asked_for_is_warned),
        STARTED(where_the_policy_is_damaged_nobody_passes),
        STARTED(a_first_start_that_was_killed_is_begun_anew),
        STARTED(a_state_without_bytes_is_begun_anew),
        STARTED(another_boot_begins_anew),
        STARTED(a_table_that_went_while_nobody_looked_comes_back),
        STARTED(a_set_that_went_while_nobody_looked_comes_back_with_the_policy),
        STARTED(a_foreign_table_of_that_name_is_left_alone),
        STARTED(a_failed_start_leaves_what_was),
        STARTED(another_trafficd_is_refused),
        STARTED(another_trafficd_of_the_namespace_is_refused),
        STARTED(who_takes_the_name_is_only_warned_of),
        STARTED(another_network_namespace_is_refused),
        STARTED(a_folder_that_others_write_to_is_refused),
        STARTED(a_place_too_long_for_a_socket_is_refused),
        STARTED(saved_counters_that_are_damaged_are_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
