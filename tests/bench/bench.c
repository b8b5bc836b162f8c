/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What trafficctl costs beside what a user could pick instead. All parts, or those that are named; at the top of the
 * source, as root. Nothing but worlds of its own is attached to.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "churn.h"
#include "cleanup.h"
#include "cpus.h"
#include "exporter.h"
#include "firewall.h"
#include "fwmarkd.h"
#include "idle.h"
#include "memory.h"
#include "program.h"
#include "reading.h"
#include "replace.h"
#include "results.h"
#include "scale.h"
#include "start.h"
#include "traffic.h"

#define FOLDER TCTL_BUILD "/bench"

static const struct part {
    const char *name;
    int (*compare)(void);
} parts[] = {
    {"program", program_compare}, {"firewall", firewall_compare}, {"cpus", cpus_compare},
    {"scale", scale_compare},     {"churn", churn_compare},       {"traffic", traffic_compare},
    {"fwmarkd", fwmarkd_compare}, {"reading", reading_compare},   {"exporter", exporter_compare},
    {"replace", replace_compare}, {"memory", memory_compare},     {"start", start_compare},
    {"idle", idle_compare},
};

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc == 1;
    for (int i = 1; i < argc; i++)
        wanted |= strcmp(argv[i], name) == 0;
    return wanted;
}

/* In the report too: its aims have no figures. */
static void tell_failure(const char *part)
{
    const struct table table = {.id = part, .title = part, .unit = "", .how = "Could not be measured."};
    results_table(&table);
    results_missing(part, "the terminal says why");
}

/* A part that cannot be measured leaves the others as they are. */
int main(int argc, char **argv)
{
    int failed = 0;
    struct utsname machine = {};
    setvbuf(stdout, NULL, _IOLBF, 0);
    uname(&machine);
    printf("%s %s %s, %ld CPUs; medians of %d interleaved rounds, with their quartiles\n", machine.sysname,
           machine.release, machine.machine, sysconf(_SC_NPROCESSORS_ONLN), ROUNDS);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (is_wanted(parts[i].name, argc, argv) && parts[i].compare()) {
            tell_failure(parts[i].name);
            failed = 1;
        }
    }
    return results_end(FOLDER) < 0 || failed;
}
