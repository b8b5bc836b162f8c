/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What is asked for and what holds, beside each other: the real programs and maps, a saved policy, and what differs.
 * UIDs from 10000 to 60000 may be judged. Asserts with cmocka.
 */
#pragma once

#include "enforce.h"
#include "fixture.h"

#include <trafficctl/firewall.h>

#define SCENE_MAX 32

struct scene {
    struct fixture *fixture;
    struct tctl_firewall *firewall;
    struct enforce enforce;
    char folder[64], policy[96], effective[384];
    struct tctl_difference found[SCENE_MAX];
    size_t count;
};

/* cmocka's setup and teardown. *state becomes a struct scene *. Nothing is saved yet. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

/* Look into scene->found. */
size_t scene_look(struct scene *scene);
void scene_assert_none(struct scene *scene);
/* There is this one and no other; holds: a part of it. */
void scene_assert_only(struct scene *scene, const char *what, const char *asked, const char *holds);
