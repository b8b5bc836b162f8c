/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Groups of tests, once per kind of counters. */
#include <fnmatch.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "inside.h"
#include "meter.h"

struct world *the_world;
static struct world_options group_options;

/*
 * On one CPU packets keep their order. On two, an old ACK can meet a peer already in TIME_WAIT, whose answer finds no
 * socket any more: packets that belong to nobody. Threads that want all CPUs take them back (run_anywhere()).
 */
static cpu_set_t all_cpus;

static int stay_here(void)
{
    cpu_set_t one;

    if (sched_getaffinity(0, sizeof(all_cpus), &all_cpus) < 0)
        return SAY_ERRNO("sched_getaffinity");
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    return sched_setaffinity(0, sizeof(one), &one) < 0 ? SAY_ERRNO("sched_setaffinity") : 0;
}

void run_anywhere(void)
{
    sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

static int group_setup(void **state)
{
    (void)state;
    if (stay_here() < 0)
        return -1;
    return world_new(&group_options, &the_world);
}

static int group_teardown(void **state)
{
    (void)state;
    the_world = world_free(the_world);
    run_anywhere();
    return 0;
}

/* A group none of whose tests is selected needs no world. */
static bool any_selected(const struct CMUnitTest *tests, size_t count)
{
    const char *pattern = getenv("T");

    if (!pattern || !*pattern)
        return true;
    cmocka_set_test_filter(pattern);
    for (size_t i = 0; i < count; i++)
        if (fnmatch(pattern, tests[i].name, 0) == 0)
            return true;
    return false;
}

int run_world(const char *name, const struct CMUnitTest *tests, size_t count, const struct world_options *options)
{
    char label[64];

    if (!any_selected(tests, count))
        return 0;
    if (geteuid() != 0) {
        fprintf(stderr, "%s: needs root (namespaces, a cgroup, bpffs)\n", name);
        return 1;
    }
    group_options = *options;
    snprintf(label, sizeof(label), "%s, %s counters", name, options->percpu ? "percpu" : "shared");
    print_message("%s\n", label);
    return _cmocka_run_group_tests(label, tests, count, group_setup, group_teardown);
}

int run_shared(const char *name, const struct CMUnitTest *tests, size_t count)
{
    return run_world(name, tests, count, &(struct world_options){.percpu = false});
}

int run_both(const char *name, const struct CMUnitTest *tests, size_t count)
{
    int failed = run_shared(name, tests, count);

    return failed + run_world(name, tests, count, &(struct world_options){.percpu = true});
}

void skip_because(const char *reason, bool missing)
{
    const char *ci = getenv("CI");

    if (ci && strcmp(ci, "true") == 0 && !missing)
        fail_msg("skipped under CI: %s", reason);
    print_message("[  REASON  ] %s\n", reason);
    skip();
    abort();
}
