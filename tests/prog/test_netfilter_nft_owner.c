/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who owns the table of nf_tables: a trafficd that lives, one that died. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ruleset.h"

static void living_owner_is_respected(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    struct nft_talk *second = NULL;
    struct fault fault = {};
    ruleset_put(ruleset, &owner);
    ruleset_note(ruleset);
    ruleset_put(ruleset, &second); /* nothing is to be done */
    ruleset_assert_as_noted(ruleset);
    second = nft_talk_free(second);
    assert_int_equal(nft_remove(&fault), -EBUSY);
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    ruleset_pin(ruleset, ruleset->folder, PIN_XT_EGRESS_PROG, 2);
    assert_int_equal(nft_put(ruleset->folder, &second, &fault), -EBUSY);
    assert_non_null(strstr(fault.text, "living owner"));
    assert_null(second);
    ruleset_assert_as_noted(ruleset);
}

static void table_of_a_dead_process_is_adopted(void **state)
{
    struct ruleset *ruleset = *state;
    _cleanup_talk_ struct nft_talk *owner = NULL;
    int status = -1;
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0)
        _exit(nft_put(ruleset->folder, &owner, NULL) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
    _cleanup_free_ char *before = ruleset_says("nft -a list table inet trafficctl | grep handle");
    ruleset_put(ruleset, &owner);
    _cleanup_free_ char *after = ruleset_says("nft -a list table inet trafficctl | grep handle");
    /* The first line is the table's own, where nft names the owner. */
    assert_string_equal(strchr(after, '\n'), strchr(before, '\n'));
    ruleset_run("nft flush ruleset");
    assert_int_equal(ruleset_look(ruleset), TCTL_ALL_IFACE_HOOKS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ruleset_set_up, ruleset_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(living_owner_is_respected),
        TEST(table_of_a_dead_process_is_adopted),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: owners of the table", tests, NULL, NULL);
}
