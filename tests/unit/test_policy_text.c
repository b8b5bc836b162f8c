/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chains.h"
#include "cleanup.h"
#include "policies.h"
#include "policy_text.h"

#define FIRST "trafficctl policy 1\n"
#define END "end\n"
#define POLICY(lines) FIRST lines END

/* Everything that a policy can say. */
static const char whole[] = POLICY("enable dozable\nenable metered_deny_admin\nallow dozable 0\nallow dozable 10001\n"
                                   "deny standby 4294967294\n\n# why\nallow background 7\ndeny oem_deny_3 10001\n"
                                   "iif 10001 eth0\niif 10002 any\nlockdown 10003\nmetered wlan0\nmetered #7\n");

static int parse(const char *text, size_t length, struct policy *ret_policy, struct fault *fault)
{
    /* a copy that ends where the text does: whoever reads on is caught */
    _cleanup_free_ char *copy = malloc(length + !length);
    memcpy(copy, text, length);
    return policy_text_parse("FILE", copy, length, ret_policy, fault);
}

/* The bytes are refused at this line for this reason, and nothing came out. */
static void refuses_bytes(const char *text, size_t length, unsigned int line, const char *why)
{
    struct policy policy = {.switched = 12345};
    struct fault fault = {0};
    char where[32];
    snprintf(where, sizeof(where), "FILE:%u: ", line);
    if (parse(text, length, &policy, &fault) != -EBADMSG)
        fail_msg("'%s' is taken", text);
    if (strncmp(fault.text, where, strlen(where)) != 0 || !strstr(fault.text, why))
        fail_msg("'%.200s' gives '%s', not '%s...%s'", text, fault.text, where, why);
    assert_null(strchr(fault.text, '\n'));
    assert_int_equal(policy.switched, 12345);
}

static void refuses(const char *text, unsigned int line, const char *why)
{
    refuses_bytes(text, strlen(text), line, why);
}

static void takes(const char *text, struct policy *ret_policy)
{
    struct fault fault = {0};
    if (parse(text, strlen(text), ret_policy, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void text_says_all_there_is(void **state)
{
    (void)state;
    _cleanup_(policy_done) struct policy policy = {0};
    takes(whole, &policy);
    assert_int_equal(policy.switched, TCTL_BIT(TCTL_DOZABLE) | TCTL_BIT(TCTL_METERED_DENY_ADMIN));
    assert_int_equal(policy.listed[TCTL_DOZABLE].count, 2);
    assert_true(policy_uids_has(&policy.listed[TCTL_DOZABLE], 0));
    assert_true(policy_uids_has(&policy.listed[TCTL_DOZABLE], 10001));
    assert_true(policy_uids_has(&policy.listed[TCTL_STANDBY], 4294967294));
    assert_true(policy_uids_has(&policy.listed[TCTL_BACKGROUND], 7));
    assert_true(policy_uids_has(&policy.listed[TCTL_OEM_DENY_3], 10001));
    assert_string_equal(policy_find_iface(&policy, 10001)->iface, "eth0");
    assert_string_equal(policy_find_iface(&policy, 10002)->iface, "");
    assert_int_equal(policy.lockdown.count, 1);
    assert_int_equal(policy.lockdown.uids[0], 10003);
    assert_int_equal(policy.metered_count, 2);
    assert_string_equal(policy.metered[0], "#7");
    assert_string_equal(policy.metered[1], "wlan0");
}

static void text_of_nothing_is_the_empty_policy(void **state)
{
    (void)state;
    struct policy none = {0};
    _cleanup_(policy_done) struct policy policy = {0};
    takes(POLICY(""), &policy);
    policies_assert_equal(&policy, &none);
}

static void text_takes_every_chain_by_its_kind(void **state)
{
    (void)state;
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        bool allows = TCTL_ALLOW_LISTS & TCTL_BIT(chain);
        char text[200];
        _cleanup_(policy_done) struct policy policy = {0};
        const char *name = chains_names[chain];
        snprintf(text, sizeof(text), POLICY("%s %s 10001\nenable %s\n"), allows ? "allow" : "deny", name, name);
        takes(text, &policy);
        assert_int_equal(policy.switched, TCTL_BIT(chain));
        assert_true(policy_uids_has(&policy.listed[chain], 10001));

        snprintf(text, sizeof(text), POLICY("%s %s 10001\n"), allows ? "deny" : "allow", name);
        refuses(text, 2, allows ? "is an allow list: write 'allow " : "is a deny list: write 'deny ");
    }
}

static void text_that_was_cut_anywhere_is_refused(void **state)
{
    (void)state;
    unsigned int lines = 1;
    for (size_t length = 0; length < strlen(whole); length++) {
        struct policy policy;
        struct fault fault = {0};
        unsigned int line = 0;
        assert_int_equal(parse(whole, length, &policy, &fault), -EBADMSG);
        assert_int_equal(sscanf(fault.text, "FILE:%u: ", &line), 1);
        assert_in_range(line, 1, lines);
        lines += whole[length] == '\n';
    }
}

static void text_with_other_bytes_is_refused(void **state)
{
    (void)state;
    static const char nul[] = FIRST "enable dozable\0\n" END, behind[] = POLICY("") "\0";
    refuses_bytes(nul, sizeof(nul) - 1, 2, "a NUL byte");
    refuses_bytes(behind, sizeof(behind), 3, "a NUL byte");
    refuses("trafficctl policy 1\r\nend\r\n", 1, "a carriage return");
    refuses(POLICY("enable dozable\r\n"), 2, "a carriage return");
    refuses(POLICY("\r\n"), 2, "a carriage return");
    refuses(POLICY("enable\tdozable\n"), 2, "byte 0x09");
    refuses(POLICY("# \x1b[2J\n"), 2, "byte 0x1B");
    refuses(POLICY("metered a\x7f\n"), 2, "byte 0x7F");
    refuses("\xEF\xBB\xBF" POLICY(""), 1, "the first line");
}

static void text_of_another_kind_is_refused(void **state)
{
    (void)state;
    refuses("", 1, "cut off");
    refuses("\n" POLICY(""), 1, "the first line");
    refuses("# comment\n" POLICY(""), 1, "the first line");
    refuses("trafficctl policy 2\n" END, 1, "the first line");
    refuses("trafficctl policy 11\n" END, 1, "the first line");
    refuses(" " POLICY(""), 1, "the first line");
    refuses(END, 1, "the first line");
    refuses(FIRST, 1, "cut off");
    refuses(FIRST "enable dozable\n", 2, "cut off");
    refuses(FIRST "end", 2, "without a newline");
    refuses(FIRST "End\n", 2, "no rule 'End'");
    refuses(FIRST " end\n", 2, "a blank too many");
    refuses(POLICY("") "\n", 3, "behind");
    refuses(POLICY("") "# comment\n", 3, "behind");
    refuses(POLICY("") "enable dozable\n", 3, "behind");
    refuses(POLICY("") END, 3, "behind");
    refuses(POLICY("") "x", 3, "without a newline");
}

static void text_with_rules_of_another_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } bad[] = {
        {"Enable dozable", "no rule 'Enable'"},
        {"disable dozable", "no rule 'disable'"},
        {"x", "no rule 'x'"},
        {"enable", "write 'enable CHAIN'"},
        {"enable dozable standby", "write 'enable CHAIN'"},
        {"enable dozable ", "a blank too many"},
        {" enable dozable", "a blank too many"},
        {"enable  dozable", "a blank too many"},
        {" ", "a blank too many"},
        {" # comment", "a blank too many"},
        {"enable dozabl", "no chain 'dozabl'"},
        {"enable DOZABLE", "no chain 'DOZABLE'"},
        {"enable 1", "no chain '1'"},
        {"enable iif", "no chain 'iif'"},
        {"enable closed", "no chain 'closed'"},
        {"allow lockdown 1", "no chain 'lockdown'"},
        {"allow dozable", "write 'allow CHAIN UID'"},
        {"allow dozable 1 2", "write 'allow CHAIN UID'"},
        {"allow dozable 1 # who", "write 'allow CHAIN UID'"},
        {"allow dozable 1 ", "write 'allow CHAIN UID'"},
        {"deny standby", "write 'deny CHAIN UID'"},
        {"iif 1", "write 'iif UID IFACE|any'"},
        {"iif 1 eth0 eth1", "write 'iif UID IFACE|any'"},
        {"lockdown", "write 'lockdown UID'"},
        {"lockdown 1 2", "write 'lockdown UID'"},
        {"metered", "write 'metered IFACE'"},
        {"metered a b", "write 'metered IFACE'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[200];
        snprintf(text, sizeof(text), POLICY("enable background\n%s\n"), bad[i].line);
        refuses(text, 3, bad[i].why);
    }
}

static void text_takes_uids_in_one_form(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "-1", "+1", "0x10", "01", "00", "1x", "root", "1.0", "1e3", "4294967296", "18446744073709551617", "\xD9\xA3"};
    static const char *const rules[] = {"allow dozable %s", "deny standby %s", "iif %s eth0", "lockdown %s"};
    for (size_t rule = 0; rule < ARRAY_SIZE(rules); rule++) {
        char line[100], text[200];
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
            snprintf(line, sizeof(line), rules[rule], bad[i]);
            snprintf(text, sizeof(text), POLICY("%s\n"), line);
            refuses(text, 2, "is not a UID in decimal");
        }
        snprintf(line, sizeof(line), rules[rule], "4294967295");
        snprintf(text, sizeof(text), POLICY("%s\n"), line);
        refuses(text, 2, "is no UID: it is the key of the chain switches");
    }
}

static void text_takes_names_that_the_kernel_takes(void **state)
{
    (void)state;
    static const char *const bad[] = {".",
                                      "..",
                                      "a/b",
                                      "a:b",
                                      "sixteen-letters!",
                                      "a\xA0"
                                      "b"};
    static const char *const good[] = {"a", "...", "#", "-", "1", "fifteen-letters", "any0", "\xC3\xA9", "%s"};
    for (size_t i = 0; i < ARRAY_SIZE(bad) + 1; i++) {
        const char *name = i < ARRAY_SIZE(bad) ? bad[i] : "any";
        char text[200];
        snprintf(text, sizeof(text), POLICY("metered %s\n"), name);
        refuses(text, 2, "cannot be the name of an interface");
        snprintf(text, sizeof(text), POLICY("iif 1 %s\n"), name);
        if (i < ARRAY_SIZE(bad))
            refuses(text, 2, "cannot be the name of an interface");
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(policy_done) struct policy policy = {0};
        char text[200];
        snprintf(text, sizeof(text), POLICY("metered %s\niif 1 %s\n"), good[i], good[i]);
        takes(text, &policy);
        assert_string_equal(policy.metered[0], good[i]);
        assert_string_equal(policy.ifaces[0].iface, good[i]);
    }
}

static void text_says_nothing_twice(void **state)
{
    (void)state;
    refuses(POLICY("enable dozable\nenable dozable\n"), 3, "enabled by another line already");
    refuses(POLICY("allow dozable 1\nallow dozable 2\nallow dozable 1\n"), 4, "the rule of line 2 again");
    refuses(POLICY("deny standby 1\ndeny standby 1\n"), 3, "the rule of line 2 again");
    refuses(POLICY("lockdown 1\nlockdown 1\n"), 3, "the rule of line 2 again");
    refuses(POLICY("iif 1 a\niif 2 a\niif 1 a\n"), 4, "the rule of line 2 again");
    refuses(POLICY("iif 1 a\niif 1 b\n"), 3, "the rule of line 2 again");
    refuses(POLICY("iif 1 b\niif 1 a\n"), 3, "the rule of line 2 again");
    refuses(POLICY("metered a\nmetered b\nmetered a\n"), 4, "the rule of line 2 again");
    _cleanup_(policy_done) struct policy policy = {0};
    takes(POLICY("allow dozable 1\nallow powersave 1\nlockdown 1\niif 1 a\niif 2 a\nmetered a\n"), &policy);
}

static void text_has_short_lines(void **state)
{
    (void)state;
    for (int bytes = POLICY_TEXT_LINE - 1; bytes <= POLICY_TEXT_LINE + 2; bytes++) {
        char comment[POLICY_TEXT_LINE + 3], text[300];
        snprintf(comment, sizeof(comment), "#%0*d", bytes - 1, 0);
        snprintf(text, sizeof(text), POLICY("%s\n"), comment);
        _cleanup_(policy_done) struct policy policy = {0};
        if (bytes <= POLICY_TEXT_LINE)
            takes(text, &policy);
        else
            refuses(text, 2, "longer than 190 bytes");
    }
}

/* The fault holds its reason in full whatever the line says. */
static void text_of_long_words_is_refused_in_one_line(void **state)
{
    (void)state;
    char word[POLICY_TEXT_LINE], text[300];
    snprintf(word, sizeof(word), "%0*d", POLICY_TEXT_LINE - 10, 0);
    snprintf(text, sizeof(text), POLICY("metered %s\n"), word);
    refuses(text, 2, "cannot be the name of an interface");
    snprintf(text, sizeof(text), POLICY("lockdown %s\n"), word);
    refuses(text, 2, "is not a UID in decimal");
}

static void text_is_printed_and_read_back_as_it_was(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct fault fault = {0};
        _cleanup_(policy_done) struct policy policy = {0}, again = {0};
        _cleanup_free_ char *text = NULL;
        size_t length;
        policies_random(&policy);
        assert_int_equal(policy_text_print(&policy, &text, &length, &fault), 0);
        assert_int_equal(strlen(text), length);
        if (parse(text, length, &again, &fault) < 0)
            fail_msg("%s", fault.text);
        policies_assert_equal(&policy, &again);
    }
}

static void text_is_printed_in_the_order_of_its_description(void **state)
{
    (void)state;
    struct fault fault = {0};
    _cleanup_(policy_done) struct policy policy = {0};
    _cleanup_free_ char *text = NULL;
    size_t length;
    takes(POLICY("metered b\nmetered a\nlockdown 2\nlockdown 1\niif 9 any\niif 1 a\ndeny standby 2\nallow dozable 2\n"
                 "allow dozable 1\nenable background\nenable dozable\n"),
          &policy);
    assert_int_equal(policy_text_print(&policy, &text, &length, &fault), 0);
    assert_string_equal(text, POLICY("enable dozable\nenable background\nallow dozable 1\nallow dozable 2\n"
                                     "deny standby 2\niif 1 a\niif 9 any\nlockdown 1\nlockdown 2\nmetered a\n"
                                     "metered b\n"));
}

static void text_cannot_hold_what_it_would_not_read(void **state)
{
    (void)state;
    static const char *const names[] = {"any", "a b", "a\nend\n", "", "..", "a:b"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_(policy_done) struct policy rule = {0}, mark = {0};
        struct fault fault = {0};
        char *text = NULL;
        size_t length;
        assert_int_equal(policy_set_iface(&rule, 1, names[i]), 0);
        assert_int_equal(policy_set_metered(&mark, names[i], true), 0);
        if (*names[i])
            assert_int_equal(policy_text_print(&rule, &text, &length, &fault), -EINVAL);
        assert_int_equal(policy_text_print(&mark, &text, &length, &fault), -EINVAL);
        assert_non_null(strstr(fault.text, "cannot be written down"));
        assert_null(text);
    }
}

static void text_cannot_hold_the_switch_for_a_uid(void **state)
{
    (void)state;
    struct policy policies[3] = {0};
    assert_int_equal(policy_uids_set(&policies[0].listed[TCTL_STANDBY], UINT32_MAX, true), 0);
    assert_int_equal(policy_uids_set(&policies[1].lockdown, UINT32_MAX, true), 0);
    assert_int_equal(policy_set_iface(&policies[2], UINT32_MAX, "a"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        struct fault fault = {0};
        char *text = NULL;
        size_t length;
        assert_int_equal(policy_text_print(&policies[i], &text, &length, &fault), -EINVAL);
        assert_non_null(strstr(fault.text, "it is no UID"));
    }
    policy_done(&policies[0]);
    policy_done(&policies[1]);
    policy_done(&policies[2]);
}

/* So many that each may cost but a few steps. */
static void text_of_many_is_read_in_any_order(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    _cleanup_free_ char *text = malloc(MANY * 25 + 100);
    _cleanup_(policy_done) struct policy policy = {0};
    size_t length = (size_t)sprintf(text, FIRST);
    for (uint32_t uid = MANY; uid > 0; uid--)
        length += (size_t)sprintf(text + length, "deny standby %u\n", uid);
    sprintf(text + length, END);
    takes(text, &policy);
    assert_int_equal(policy.listed[TCTL_STANDBY].count, MANY);
    for (uint32_t uid = 1; uid <= MANY; uid++)
        assert_int_equal(policy.listed[TCTL_STANDBY].uids[uid - 1], uid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_says_all_there_is),
        cmocka_unit_test(text_of_nothing_is_the_empty_policy),
        cmocka_unit_test(text_takes_every_chain_by_its_kind),
        cmocka_unit_test(text_that_was_cut_anywhere_is_refused),
        cmocka_unit_test(text_with_other_bytes_is_refused),
        cmocka_unit_test(text_of_another_kind_is_refused),
        cmocka_unit_test(text_with_rules_of_another_form_is_refused),
        cmocka_unit_test(text_takes_uids_in_one_form),
        cmocka_unit_test(text_takes_names_that_the_kernel_takes),
        cmocka_unit_test(text_says_nothing_twice),
        cmocka_unit_test(text_has_short_lines),
        cmocka_unit_test(text_of_long_words_is_refused_in_one_line),
        cmocka_unit_test(text_is_printed_and_read_back_as_it_was),
        cmocka_unit_test(text_is_printed_in_the_order_of_its_description),
        cmocka_unit_test(text_cannot_hold_what_it_would_not_read),
        cmocka_unit_test(text_cannot_hold_the_switch_for_a_uid),
        cmocka_unit_test(text_of_many_is_read_in_any_order),
    };

    return unit_run(tests);
}
