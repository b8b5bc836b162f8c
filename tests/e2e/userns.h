/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A rootless user namespace in A: of uid 10001, with the subordinate range 100000..165535 mapped to 1 and up. */
#pragma once

#include "world.h"

#define USERNS_USER 10001
/* What a UID of the namespace is outside; not for 0, which is USERNS_USER. */
#define USERNS_OUTSIDE(inside) (100000 + (inside)-1)

/* Start fn as USERNS_USER; it may act outside first and then has to call userns_enter(). Asserts with cmocka. */
void userns_start(actor_fn fn, void *arg, struct actor *ret_actor);
/*
 * The same with a network of its own, made by USERNS_INSIDE of the namespace, with links: the kernel greets its
 * neighbours there. A word over the channel ends it.
 */
#define USERNS_INSIDE 1000
void userns_start_network(struct actor *ret_actor);
/* Into a new user namespace, as its root, once userns_start() has written its maps. -errno. */
int userns_enter(int channel);

/* The steps of it, for a namespace inside another. -errno. */
int userns_new(void);
int userns_become_root(void);
int userns_map(pid_t pid, const char *map);
