/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The same traffic and the same firewall by programs and by nf_tables: the same numbers and the same verdicts, but for
 * what tctl_backend() lists. What is listed and is not so fails, as does what is so and is not listed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend_cases.h"
#include "backend_documents.h"
#include "backend_lacks.h"
#include "backend_rows.h"
#include "cleanup.h"
#include "inside.h"
#include "wall_kit.h"

#define FIRST 10101
#define CONFIG WALL_CONFIG "[maps]\nuid_stats = 96\n"

#define DROPPED 10099
#define DEGRADED 4 /* exit status */
#define COMMANDS_MAX 16

static enum backend running;
static char *printed[COMMANDS_MAX]; /* by programs */
static unsigned int verdicts[BACKENDS][BACKEND_ROWS_MAX];

static void what_is_counted(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < backend_case_count; i++)
        backend_cases[i].run(&backend_cases[i], running, FIRST + i, 1 + i % WORLD_ADDRESSES);
}

static void what_is_judged(void **state)
{
    (void)state;
    bool differ = false;
    const size_t count = backend_rows_run(verdicts[running]);
    assert_int_equal(verdicts[running][0], PASSES_ALL);
    if (running == BACKEND_BPF)
        return;
    for (size_t i = 0; i < count; i++) {
        if (verdicts[BACKEND_BPF][i] == verdicts[BACKEND_NFT][i])
            continue;
        differ = true;
        print_message("programs let %#x pass, nf_tables %#x, of:\n%s", verdicts[BACKEND_BPF][i],
                      verdicts[BACKEND_NFT][i], backend_row(i));
    }
    assert_false(differ);
}

/* A drop in both, of somebody whom a policy denies. */
static void be_dropped(void)
{
    struct udp udp = udp_pair(the_world, DROPPED, AF_INET, 1);
    wall("firewall deny standby %u", DROPPED);
    wall("firewall enable standby");
    assert_false(sends(&udp));
    udp_close(&udp);
}

static void what_is_printed(void **state)
{
    (void)state;
    be_dropped();
    for (size_t i = 0; i < backend_command_count; i++) {
        const char *command = backend_commands[i];
        char *members =
            backend_members(command, running == BACKEND_NFT && strcmp(command, "status") == 0 ? DEGRADED : 0);
        assert_true(strlen(members) > 0);
        if (running == BACKEND_BPF)
            printed[i] = members;
        else if (strcmp(printed[i], members) != 0)
            fail_msg("%s prints by programs:\n%s\nand by nf_tables:\n%s", command, printed[i], members);
        else
            free(members);
    }
    wall("firewall disable standby");
}

static void what_is_lacking(void **state)
{
    (void)state;
    for (size_t i = 0; i < backend_lack_count; i++) {
        print_message("%s\n", backend_lacks[i].name);
        backend_lacks[i].show(running);
    }
}

static bool is_shown(const char *name)
{
    bool shown = false;
    for (size_t i = 0; i < backend_case_count; i++)
        shown |= backend_cases[i].lack && strcmp(backend_cases[i].lack, name) == 0;
    for (size_t i = 0; i < backend_lack_count; i++)
        shown |= strcmp(backend_lacks[i].name, name) == 0;
    return shown;
}

static void assert_listed(const struct tctl_backend *backend, const char *name)
{
    for (size_t i = 0; i < backend->lack_count; i++)
        if (strcmp(backend->lacks[i].name, name) == 0)
            return;
    fail_msg("'%s' is not listed", name);
}

/* With all that a list may hold on any machine. */
static struct tctl_backend listed(void)
{
    struct tctl_backend backend;
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_early_demux", "0"), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    assert_int_equal(tctl_backend(the_world->traffic, &backend), 0);
    assert_int_equal(world_sysctl(the_world, PLACE_A, "ipv4/ip_early_demux", "1"), 0);
    assert_int_equal(place_enter(the_world, PLACE_A), 0);
    return backend;
}

static void what_is_listed(void **state)
{
    (void)state;
    const struct tctl_backend backend = listed();
    assert_string_equal(backend.name, running == BACKEND_BPF ? "bpf" : "nft");
    if (running == BACKEND_BPF) {
        assert_int_equal(backend.lack_count, 0);
        return;
    }
    for (size_t i = 0; i < backend.lack_count; i++)
        if (!is_shown(backend.lacks[i].name))
            fail_msg("nothing shows '%s'", backend.lacks[i].name);
    for (size_t i = 0; i < backend_case_count; i++)
        if (backend_cases[i].lack)
            assert_listed(&backend, backend_cases[i].lack);
    for (size_t i = 0; i < backend_lack_count; i++)
        assert_listed(&backend, backend_lacks[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A(what_is_counted), IN_A(what_is_judged), IN_A(what_is_listed), IN_A(what_is_printed), IN_A(what_is_lacking),
    };
    running = BACKEND_BPF;
    int failed = run_world("backends: bpf", tests, ARRAY_SIZE(tests),
                           &(struct world_options){.netfilter = "link", .config = CONFIG});
    running = BACKEND_NFT;
    failed += run_world("backends: nft", tests, ARRAY_SIZE(tests),
                        &(struct world_options){.backend = "nft", .config = CONFIG});
    for (size_t i = 0; i < COMMANDS_MAX; i++)
        free(printed[i]);
    return failed;
}
