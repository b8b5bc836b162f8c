/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What status says where nf_tables counts: which backend, why, and what that lacks; by the library and by the command.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "effective.h"
#include "ruleset.h"
#include "surroundings.h"
#include "users_place.h"
#include "users_table.h"

#define WHY "this kernel lacks CONFIG_CGROUP_BPF"
#define NOBODY 65534

static struct {
    struct users *users;
    struct users_place place;
} at;

static int set_up(void **state)
{
    int r = users_set_up(state);
    at.users = *state;
    users_put(at.users, NULL);
    users_place_make(&at.place, NOBODY);
    strcat(at.place.state->options, EFFECTIVE_WHY " = " WHY "\n");
    return r;
}

static int tear_down(void **state)
{
    users_place_remove(&at.place);
    return users_tear_down(state);
}

static int read_backend(struct tctl_backend *backend)
{
    struct tctl *traffic = NULL;
    int r = tctl_open(at.place.folder, &traffic);
    if (r == 0)
        r = tctl_backend(traffic, backend);
    tctl_close(traffic);
    return r;
}

static bool lacks(const struct tctl_backend *backend, const char *name)
{
    for (size_t i = 0; i < backend->lack_count; i++)
        if (strcmp(backend->lacks[i].name, name) == 0)
            return true;
    return false;
}

static void the_reason_is_what_a_start_noted(void **state)
{
    (void)state;
    struct tctl_backend backend = {0};
    assert_int_equal(read_backend(&backend), 0);
    assert_string_equal(backend.name, "nft");
    assert_string_equal(backend.why, WHY);
    assert_true(lacks(&backend, "tags"));
    *strstr(at.place.state->options, EFFECTIVE_WHY) = 'x';
    assert_int_equal(read_backend(&backend), 0);
    assert_string_equal(backend.why, "");
}

/* Settings are of a network namespace, and what comes in there is nobody's. */
static void early_demux_that_is_off_is_a_lack(void **state)
{
    static const char *const names[] = {"ip_early_demux", "tcp_early_demux", "udp_early_demux"};
    (void)state;
    struct tctl_backend backend = {0};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char command[96];
        snprintf(command, sizeof(command), "echo 0 >/proc/sys/net/ipv4/%s", names[i]);
        ruleset_run(command);
        assert_int_equal(read_backend(&backend), 0);
        assert_true(lacks(&backend, "early demux is off"));
        snprintf(command, sizeof(command), "echo 1 >/proc/sys/net/ipv4/%s", names[i]);
        ruleset_run(command);
        assert_int_equal(read_backend(&backend), 0);
        assert_false(lacks(&backend, "early demux is off"));
    }
    ruleset_run("echo 0 >/proc/sys/net/ipv4/tcp_early_demux");
    at.place.state->netns_inum = 1;
    assert_int_equal(read_backend(&backend), 0);
    assert_false(lacks(&backend, "early demux is off"));
}

static int read_as_member(void *context)
{
    struct tctl_backend backend = {0};
    (void)context;
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return 1;
    return read_backend(&backend) == 0 && strcmp(backend.why, WHY) == 0 && lacks(&backend, "tags") ? 0 : 2;
}

static void members_are_told_the_same(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(read_as_member, NULL)), 0);
}

/* What the command prints, and "exit N". */
static char *ctl(const char *words)
{
    char command[512];
    snprintf(command, sizeof(command), TCTL_BUILD "/trafficctl --bpffs %s %s; echo exit $?", at.place.folder, words);
    return ruleset_says(command);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in %s", part, text);
}

static void status_names_it(void **state)
{
    (void)state;
    struct tctl_backend backend = {0};
    _cleanup_free_ char *text = ctl("status"), *json = ctl("-j status");
    assert_int_equal(read_backend(&backend), 0);
    has(text, "state: degraded\nbackend: nft, since " WHY "\n");
    has(text, "\nLACKING ");
    has(json, "\"state\":\"degraded\",\"backend\":{\"name\":\"nft\",\"why\":\"" WHY "\",\"lacks\":[{\"name\":\"");
    for (size_t i = 0; i < backend.lack_count; i++) {
        has(text, backend.lacks[i].lost);
        has(json, backend.lacks[i].lost);
    }
    has(text, "\nexit 4\n");
    has(json, "\nexit 4\n");
}

static void check_says_that_it_stays(void **state)
{
    (void)state;
    _cleanup_free_ char *text = ctl("check"), *json = ctl("-j check");
    has(text, "\nnf_tables by user ");
    has(text, "\nbackend (auto): nft, since " WHY "\n");
    has(text, "\nLACKING ");
    has(text, "\nexit 0\n");
    has(json, "{\"name\":\"nf_tables by user\",\"ok\":true,\"needed_for\":\"");
    has(json, "\"required_by\":\"nft\"}");
    has(json, "\"backend\":{\"name\":\"nft\",\"why\":\"" WHY "\",\"lacks\":[{");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_reason_is_what_a_start_noted), TEST(early_demux_that_is_off_is_a_lack),
        TEST(members_are_told_the_same),        TEST(status_names_it),
        TEST(check_says_that_it_stays),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: nft_status", tests, NULL, NULL);
}
