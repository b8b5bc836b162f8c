/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "policing.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <net/if.h>

#include "chains.h"
#include "fd.h"
#include "loopback.h"

#define SMALL 5 /* UIDs of a chain, its switch among them */

static void run(const char *command, const char *argument)
{
    char line[256];

    snprintf(line, sizeof(line), command, argument);
    int r = system(line); /* NOLINT: the test's own words */
    if (r != 0)
        fail_msg("%s: status %d", line, r);
}

void policing_add_iface(const char *iface)
{
    run("ip link add %s type bridge", iface);
}

void policing_delete_iface(const char *iface)
{
    run("ip link del %s", iface);
}

uint32_t policing_number(const char *iface)
{
    uint32_t number = if_nametoindex(iface);

    assert_int_not_equal(number, 0);
    return number;
}

static void prepare(struct policing *policing)
{
    strcpy(policing->folder, "/tmp/trafficctl-policy-XXXXXX");
    assert_non_null(mkdtemp(policing->folder));
    assert_return_code(mount("policy", policing->folder, "tmpfs", 0, "mode=0755"), errno);
    snprintf(policing->policy, sizeof(policing->policy), "%s/lib/policy", policing->folder);
    snprintf(policing->effective, sizeof(policing->effective), "policy = %s\ndestroy_sockets = no\n", policing->policy);
    loopback_enter();
    policing_add_iface("plain0");
    policing_add_iface("metered0");
}

static int set_up(void **state, uint32_t entries)
{
    struct policing *policing = calloc(1, sizeof(*policing));

    assert_non_null(policing);
    *state = policing;
    prepare(policing);
    policing->fixture = fixture_new(false);
    struct load_options *options = &policing->fixture->options;
    options->app_uids[0] = (struct uid_range){10000, 19999};
    options->exempt_loopback = true;
    options->effective = policing->effective;
    for (int map = LOAD_DOZABLE_UID; map <= LOAD_POWERSAVE_UID && entries; map++)
        options->entries[map] = entries;
    fixture_load(policing->fixture);
    assert_int_equal(enforce_open(policing->fixture->bpffs, &policing->maps), 0);
    return 0;
}

int policing_set_up(void **state)
{
    return set_up(state, 0);
}

int policing_set_up_small(void **state)
{
    return set_up(state, SMALL);
}

int policing_tear_down(void **state)
{
    struct policing *policing = *state;

    enforce_done(&policing->maps);
    fixture_free(policing->fixture);
    umount2(policing->folder, MNT_DETACH);
    rmdir(policing->folder);
    free(policing);
    return 0;
}

struct tctl_firewall *policing_open(const struct policing *policing)
{
    struct tctl_firewall *firewall = NULL;

    assert_int_equal(tctl_firewall_open(policing->fixture->bpffs, &firewall), 0);
    assert_string_equal(tctl_firewall_problem(firewall), "");
    return firewall;
}

uint32_t policing_entry(const struct policing *policing, uint32_t chain, uint32_t uid)
{
    uint8_t value;

    return fixture_get(policing->fixture, chains_pin(chain), &uid, &value) ? value : POLICING_NO_ROW;
}

static uint32_t word(const struct policing *policing, enum pin_id id, uint32_t uid)
{
    struct tctl_uid_rules row;

    if (!fixture_get(policing->fixture, id, &uid, &row))
        return POLICING_NO_ROW;
    assert_int_equal(row.uid, uid);
    return row.rules;
}

uint32_t policing_word(const struct policing *policing, uint32_t uid)
{
    return word(policing, PIN_UID_RULES, uid);
}

uint32_t policing_iface(const struct policing *policing, uint32_t uid)
{
    return word(policing, PIN_UID_IFACE, uid);
}

uint32_t policing_mark(const struct policing *policing, uint32_t iface)
{
    uint8_t value;

    return fixture_get(policing->fixture, PIN_METERED, &iface, &value) ? value : POLICING_NO_ROW;
}

struct tctl_config policing_config(const struct policing *policing)
{
    struct tctl_config config;
    uint32_t zero = 0;

    assert_true(fixture_get(policing->fixture, PIN_CONFIG, &zero, &config));
    return config;
}

uint64_t policing_generation(const struct policing *policing)
{
    uint64_t generation;
    uint32_t zero = 0;

    assert_true(fixture_get(policing->fixture, PIN_GENERATION, &zero, &generation));
    return generation;
}

void policing_put_entry(const struct policing *policing, uint32_t chain, uint32_t uid, uint8_t value)
{
    fixture_put(policing->fixture, chains_pin(chain), &uid, &value);
}

void policing_put_word(const struct policing *policing, uint32_t uid, uint32_t bits)
{
    const struct tctl_uid_rules row = {uid, bits};

    fixture_put(policing->fixture, PIN_UID_RULES, &uid, &row);
}

void policing_freeze(const struct policing *policing, enum pin_id id)
{
    _cleanup_fd_ int fd = fixture_pin(policing->fixture, id);

    assert_return_code(bpf_map_freeze(fd), errno);
}
