/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Starts where nf_tables counts that are killed, or find what is damaged, full or another one's. Root, in a namespace
 * of its own.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut_off.h"
#include "ruleset.h"
#include "started.h"
#include "surroundings.h"

static int start_in_child(void *context)
{
    (void)context;
    return try_start() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void flush_table(void)
{
    ruleset_run("nft flush ruleset");
}

/* Its rules have to go before it. */
static void delete_list(void)
{
    ruleset_run("nft flush chain inet " NFT_USERS " rules_out");
    ruleset_run("nft flush chain inet " NFT_USERS " rules_connect");
    ruleset_run("nft flush chain inet " NFT_USERS " rules_in");
    ruleset_run("nft delete set inet " NFT_USERS " standby");
}

/* At any moment of a start that finds damage: the next one puts the policy into what was made, and only then. */
static void killed_starts_leave_no_table_open(void (*damage)(void))
{
    unsigned int batch = 1;
    bool cut;
    ask_for(DENIES);
    do {
        start();
        assert_int_equal(users_send(DENIED), EPERM);
        stop();
        damage();
        cut = cut_off_batch(start_in_child, NULL, batch++);
        start();
        assert_int_equal(users_send(DENIED), EPERM);
        assert_int_equal(users_send(ALICE), 0);
        stop();
    } while (cut);
    assert_true(batch > 3);
}

static void a_killed_start_behind_a_flush_leaves_no_table_open(void **state)
{
    (void)state;
    killed_starts_leave_no_table_open(flush_table);
}

static void a_killed_start_behind_a_damage_leaves_no_table_open(void **state)
{
    (void)state;
    killed_starts_leave_no_table_open(delete_list);
}

/* In the words of the start, not of errno. */
static void a_state_of_another_version_is_told_and_unloaded(void **state)
{
    (void)state;
    start();
    stop();
    assert_return_code(truncate(at.state, 100), errno);
    assert_int_equal(try_start(), -EPROTO);
    assert_non_null(strstr(at.fault.text, "trafficctl unload"));
    if (loader_unload(at.folder, &at.fault) < 0)
        fail_msg("%s", at.fault.text);
    start();
    assert_int_equal(users_send(ALICE), 0);
}

static int start_in_full_folder(void *context)
{
    char command[256];
    (void)context;
    snprintf(command, sizeof(command),
             "mount -t tmpfs -o size=64k,mode=755 none %s && ! head -c 128k /dev/zero 2>&1 > %s/full", at.folder,
             at.folder);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return EXIT_FAILURE;
    ruleset_run(command);
    int r = try_start();
    umount2(at.folder, MNT_DETACH);
    return -r;
}

/* Memory of a file that has no room is SIGBUS. */
static void a_full_folder_is_refused(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(start_in_full_folder, NULL)), ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(a_killed_start_behind_a_flush_leaves_no_table_open),
        STARTED(a_killed_start_behind_a_damage_leaves_no_table_open),
        STARTED(a_state_of_another_version_is_told_and_unloaded),
        STARTED(a_full_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
