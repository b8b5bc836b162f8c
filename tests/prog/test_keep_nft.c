/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficd keeps where nf_tables counts: heard of, mended, reloaded and taken away. Root, in a namespace of its
 * own. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/firewall.h>

#include "cleanup.h"
#include "fd.h"
#include "ruleset.h"
#include "started.h"

static void deny_at_runtime(uint32_t uid)
{
    struct tctl_firewall *firewall = NULL;
    assert_int_equal(tctl_firewall_open(at.folder, &firewall), 0);
    assert_int_equal(tctl_firewall_enable(firewall, TCTL_STANDBY, true, TCTL_RUNTIME), 0);
    assert_int_equal(tctl_firewall_set(firewall, TCTL_STANDBY, &uid, 1, false, TCTL_RUNTIME), 0);
    tctl_firewall_close(firewall);
}

static struct load_seen watched(void)
{
    struct load_seen seen;
    assert_int_equal(loader_watch(at.loaded, &seen), 0);
    return seen;
}

static bool told_of_ours(void)
{
    bool ours = false;
    struct pollfd told = {.fd = loaded_descriptor(at.loaded), .events = POLLIN};
    while (!ours && poll(&told, 1, 3000) == 1)
        assert_int_equal(loader_hear(at.loaded, &ours), 0);
    return ours;
}

/* What held comes back, also what is in no file. */
static void what_others_flush_is_mended(void **state)
{
    (void)state;
    struct load_seen found;
    ask_for(DENIES);
    start();
    assert_int_equal(unlink(at.policy), 0);
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(loader_save(at.loaded, &at.fault), 0);
    assert_true(load_seen_whole(&(struct load_seen){0}));
    told_of_ours();
    ruleset_run("nft flush ruleset");
    assert_true(told_of_ours());
    struct load_seen seen = watched();
    assert_false(load_seen_whole(&seen));
    assert_true(seen.table && seen.flushed);
    assert_string_equal(seen.by_name, "nft");
    assert_int_not_equal(seen.culprit, 0);
    assert_int_equal(loader_repair(at.loaded, &at.options, &found, &at.fault), 0);
    assert_true(found.flushed);
    assert_int_equal(users_send(DENIED), EPERM);
    assert_int_equal(users_send(ALICE), 0);
    assert_sent(ALICE, 2);
    seen = watched();
    assert_true(load_seen_whole(&seen));
}

static rlim_t limit_files(rlim_t limit)
{
    struct rlimit files;
    assert_return_code(getrlimit(RLIMIT_NOFILE, &files), errno);
    const rlim_t before = files.rlim_cur;
    files.rlim_cur = limit;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &files), errno);
    return before;
}

static bool has_table(void)
{
    _cleanup_free_ char *tables = ruleset_says("nft list tables");
    return strstr(tables, "table inet " NFT_USERS) != NULL;
}

/* Until the table is put again with one descriptor too few to restore the policy. */
static void repair_without_policy(void)
{
    struct load_seen found;
    int r = 0, lowest = dup(STDERR_FILENO);
    assert_return_code(lowest, errno);
    fd_close(lowest);
    for (int limit = lowest; limit < lowest + 16 && r == 0; limit++) {
        const rlim_t before = limit_files((rlim_t)limit);
        r = loader_repair(at.loaded, &at.options, &found, &at.fault);
        limit_files(before);
        assert_true(r < 0);
        r = has_table() ? r : 0;
    }
    assert_int_equal(r, -EMFILE);
}

/* Behind a change of what held, of which nothing more can be known. */
static void a_policy_that_could_not_be_restored_is_tried_again(void **state)
{
    (void)state;
    struct load_seen found;
    start();
    watched();
    ask_for(DENIES);
    deny_at_runtime(ALICE);
    ruleset_run("nft flush ruleset");
    told_of_ours();
    repair_without_policy();
    assert_int_equal(users_send(DENIED), 0);
    assert_int_equal(loader_repair(at.loaded, &at.options, &found, &at.fault), 0);
    assert_int_equal(users_send(DENIED), EPERM);
    assert_int_equal(users_send(ALICE), 0);
}

/* "nft list ruleset" prints counters and lists too, as they were then. */
static void save_ruleset(void)
{
    char command[160];
    snprintf(command, sizeof(command), "{ echo flush ruleset; nft list ruleset; } > %s/saved", at.folder);
    ruleset_run(command);
}

static void load_ruleset(void)
{
    char command[160];
    snprintf(command, sizeof(command), "nft -f %s/saved", at.folder);
    ruleset_run(command);
}

static void a_table_that_others_have_saved_and_loaded_is_made_anew(void **state)
{
    (void)state;
    struct load_seen found;
    start();
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(users_send(DENIED), 0);
    assert_int_equal(loader_save(at.loaded, &at.fault), 0);
    save_ruleset();
    deny_at_runtime(DENIED);
    watched();
    load_ruleset();
    assert_int_equal(users_send(DENIED), 0);
    struct load_seen seen = watched();
    assert_true(seen.table);
    assert_int_equal(loader_repair(at.loaded, &at.options, &found, &at.fault), 0);
    seen = watched();
    assert_true(load_seen_whole(&seen));
    assert_int_equal(users_send(DENIED), EPERM);
    assert_int_equal(users_send(ALICE), 0);
    assert_sent(ALICE, 2);
}

/* As by nftables.service at a boot, or while trafficd is down. */
static void a_table_that_was_loaded_before_a_start_is_made_anew(void **state)
{
    (void)state;
    start();
    assert_int_equal(users_send(ALICE), 0);
    save_ruleset();
    assert_int_equal(loader_save(at.loaded, &at.fault), 0);
    stop();
    load_ruleset();
    assert_sent(ALICE, 1);
    ask_for(DENIES);
    start();
    assert_sent(ALICE, 1);
    assert_int_equal(users_send(DENIED), EPERM);
    assert_int_equal(users_send(ALICE), 0);
    assert_sent(ALICE, 2);
    restart();
    assert_sent(ALICE, 2);
}

static void tell(void)
{
    int fd = -1;
    assert_int_equal(loader_hand(at.loaded, &fd), 0);
    fd_close(fd);
}

/* No save comes between: as with SIGKILL. */
static void what_others_set_back_is_saved_before_it_is_told(void **state)
{
    (void)state;
    start();
    assert_int_equal(users_send(ALICE), 0);
    assert_int_equal(users_send(ALICE), 0);
    tell();
    ruleset_run("nft flush set inet " NFT_USERS " sent");
    assert_int_equal(users_send(ALICE), 0);
    tell();
    restart();
    assert_sent(ALICE, 3);
}

static void what_others_delete_of_it_is_mended(void **state)
{
    (void)state;
    struct load_seen found;
    start();
    ruleset_run("nft flush chain inet " NFT_USERS " input");
    struct load_seen seen = watched();
    assert_true(seen.table);
    assert_false(seen.flushed);
    assert_int_equal(seen.missing, 1u << TCTL_PROG_INGRESS);
    assert_int_equal(loader_repair(at.loaded, &at.options, &found, &at.fault), 0);
    seen = watched();
    assert_true(load_seen_whole(&seen));
}

static void a_state_that_is_gone_cannot_be_mended(void **state)
{
    (void)state;
    struct load_seen found;
    start();
    assert_int_equal(unlink(at.state), 0);
    struct load_seen seen = watched();
    assert_false(load_seen_whole(&seen));
    assert_int_equal(loader_repair(at.loaded, &at.options, &found, &at.fault), -ESRCH);
    assert_non_null(strstr(at.fault.text, "restart trafficd"));
}

static void what_sighup_changes_is_applied(void **state)
{
    (void)state;
    char text[512];
    struct stat file;
    ask_for(DENIES);
    struct load_options other = at.options;
    start();
    snprintf(text, sizeof(text), STARTED_OPTIONS, USERS_FIRST + 5, USERS_LAST);
    other.effective = text;
    other.read_group = "65534";
    assert_int_equal(loader_apply(at.loaded, &other, note_warning, &at.fault), 0);
    assert_int_equal(users_send(DENIED), 0);
    assert_non_null(strstr(at.warned, "do not hold"));
    assert_non_null(strstr(noted().options, "backend_why = --backend nft\n"));
    assert_int_equal(loaded_read_group(at.loaded), 65534);
    assert_return_code(stat(at.state, &file), errno);
    assert_int_equal(file.st_gid, 65534);
    assert_int_equal(file.st_mode & 07777, 0640);
}

static void an_unload_takes_everything(void **state)
{
    (void)state;
    ruleset_run("nft add table inet theirs");
    _cleanup_free_ char *before = ruleset_says("nft list ruleset");
    start();
    assert_int_equal(loader_save(at.loaded, &at.fault), 0);
    assert_int_equal(loader_unload(at.folder, &at.fault), -EBUSY);
    stop();
    assert_int_equal(loader_unload(at.folder, &at.fault), 0);
    _cleanup_free_ char *after = ruleset_says("nft list ruleset");
    assert_string_equal(before, after);
    assert_int_equal(access(at.ours, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(what_others_flush_is_mended),
        STARTED(a_policy_that_could_not_be_restored_is_tried_again),
        STARTED(a_table_that_others_have_saved_and_loaded_is_made_anew),
        STARTED(a_table_that_was_loaded_before_a_start_is_made_anew),
        STARTED(what_others_set_back_is_saved_before_it_is_told),
        STARTED(what_others_delete_of_it_is_mended),
        STARTED(a_state_that_is_gone_cannot_be_mended),
        STARTED(what_sighup_changes_is_applied),
        STARTED(an_unload_takes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
