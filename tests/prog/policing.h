/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall's maps, with the programs, for tests of whoever writes them: in a network namespace with two interfaces
 * beside the loopback, plain0 and metered0, with a saved policy of the test's own. UIDs from 10000 to 19999 are judged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <trafficctl/firewall.h>

#include "enforce.h"
#include "fixture.h"

#define POLICING_GONE "gone0" /* an interface that is not there */

struct policing {
    struct fixture *fixture;
    struct enforce maps;
    char folder[64];  /* of the policy; a tmpfs */
    char policy[128]; /* path */
    char effective[512];
};

/* cmocka's setup and teardown. The first makes maps of their usual size, the second ones for 4 UIDs with the switch. */
int policing_set_up(void **state);
int policing_set_up_small(void **state);
int policing_tear_down(void **state);

/* Only the numbers tell interfaces apart. */
uint32_t policing_number(const char *iface);
void policing_add_iface(const char *iface);
void policing_delete_iface(const char *iface);

/* The library's handle, as a user opens it. */
struct tctl_firewall *policing_open(const struct policing *policing);

/* What is in the maps raw; UINT32_MAX: no such row. */
#define POLICING_NO_ROW UINT32_MAX
uint32_t policing_entry(const struct policing *policing, uint32_t chain, uint32_t uid); /* netd's chains */
uint32_t policing_word(const struct policing *policing, uint32_t uid);                  /* its bits */
uint32_t policing_iface(const struct policing *policing, uint32_t uid);                 /* its number */
uint32_t policing_mark(const struct policing *policing, uint32_t iface);
struct tctl_config policing_config(const struct policing *policing);
uint64_t policing_generation(const struct policing *policing);

void policing_put_entry(const struct policing *policing, uint32_t chain, uint32_t uid, uint8_t value);
void policing_put_word(const struct policing *policing, uint32_t uid, uint32_t bits);

/* From now on nobody can write the map by bpf(2). */
void policing_freeze(const struct policing *policing, enum pin_id id);
