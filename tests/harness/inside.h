/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the harness tell each other. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

/* Say what failed and where; returns the negative errno. */
static inline int say_error(const char *file, int line, const char *what, int err)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, strerror(-err));
    return err;
}
#define SAY(err, what) say_error(__FILE__, __LINE__, what, err)
#define SAY_ERRNO(what) SAY(-errno, what)

/* Pins there, for BPF to count by? */
bool world_has_bpffs(const struct world *world);

/* Network namespaces, veth pairs and the bridge. world->netns are -1 or open afterwards. */
int topology_new(struct world *world);

/* Capture points on m0 and m1; end with wire_free(). Must be started after topology_new(). */
int wire_new(struct world *world, struct wire **ret_wire);
struct wire *wire_free(struct wire *wire);

/* NOTIFY_SOCKET of the world and the configuration file. */
int daemon_prepare(struct world *world);

/* The test process itself into a namespace, and home again. */
int place_enter(struct world *world, enum place place);
int place_leave(struct world *world);
