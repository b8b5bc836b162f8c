/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A network namespace of the test's own with a bpffs and two pinned programs, which count what passes them, and the
 * real iptables-legacy as the judge. Needs root. Asserts with cmocka.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct legacy_world {
    char bpffs[64];
    char folder[64]; /* for tools of the test's own; rm -r at the end */
    int counts;      /* array map of two u64: what came in, what went out */
    uint32_t programs[2];
};

/* cmocka's setup and teardown: *state becomes a struct legacy_world *. The loopback interface is up. */
int legacy_world_set_up(void **state);
int legacy_world_tear_down(void **state);

/* Pin new programs, which add to the same counts, in place of the old ones. */
void legacy_world_replace_programs(struct legacy_world *world);
/* Of one direction: 0 in, 1 out. */
uint64_t legacy_world_count(const struct legacy_world *world, uint32_t direction);

/* Run by the shell; the test fails if it fails. */
__attribute__((format(printf, 1, 2))) void legacy_world_run(const char *format, ...);

/* Both families as iptables-legacy-save prints them, without its comments; option: "" or "-c". malloc'ed. */
char *legacy_world_save(const char *option);

/* From now on, programs are looked for in world->folder first, where this script is a tool: its lines after #!. */
void legacy_world_script(const struct legacy_world *world, const char *tool, const char *lines);
void legacy_world_forget_scripts(const struct legacy_world *world);

/* A socket that reads nothing, so that nobody answers; and so many datagrams to it over the loopback interface. */
int legacy_world_sink(int family);
void legacy_world_send(int sink, unsigned int packets);

/* legacy_put(), legacy_remove() and legacy_look(), which have to succeed. */
void legacy_world_put(const struct legacy_world *world);
void legacy_world_take_away(const struct legacy_world *world);
uint32_t legacy_world_look(const struct legacy_world *world);

/* legacy_world_save() gives this text. */
void legacy_world_assert_saved(const char *option, const char *expected);
/* Nobody has asked for a table yet. */
void legacy_world_assert_no_tables(void);
