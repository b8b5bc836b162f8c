/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy_file.h"

static void make_place(struct scene *scene)
{
    strcpy(scene->folder, "/tmp/trafficctl-scene-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->policy, sizeof(scene->policy), "%s/policy", scene->folder);
}

int scene_set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    make_place(scene);
    scene->fixture = fixture_new(false);
    snprintf(scene->effective, sizeof(scene->effective), "[trafficd]\ncgroup = %s\npolicy = %s\n",
             scene->fixture->cgroup, scene->policy);
    scene->fixture->options.effective = scene->effective;
    scene->fixture->options.app_uids[0] = (struct uid_range){10000, 60000};
    fixture_load(scene->fixture);
    assert_int_equal(enforce_open(scene->fixture->bpffs, &scene->enforce), 0);
    assert_int_equal(tctl_firewall_open(scene->fixture->bpffs, &scene->firewall), 0);
    *state = scene;
    return 0;
}

int scene_tear_down(void **state)
{
    struct scene *scene = *state;
    char good[sizeof(scene->policy) + sizeof(POLICY_FILE_GOOD)];
    tctl_firewall_close(scene->firewall);
    enforce_done(&scene->enforce);
    snprintf(good, sizeof(good), "%s" POLICY_FILE_GOOD, scene->policy);
    unlink(scene->policy);
    unlink(good);
    rmdir(scene->folder);
    fixture_free(scene->fixture);
    free(scene);
    return 0;
}

size_t scene_look(struct scene *scene)
{
    if (tctl_firewall_differences(scene->firewall, scene->found, SCENE_MAX, &scene->count) < 0)
        fail_msg("%s", tctl_firewall_problem(scene->firewall));
    return scene->count;
}

void scene_assert_none(struct scene *scene)
{
    if (scene_look(scene) > 0)
        fail_msg("%zu differences; the first: %s: asked %s, holds %s", scene->count, scene->found[0].what,
                 scene->found[0].asked, scene->found[0].holds);
}

void scene_assert_only(struct scene *scene, const char *what, const char *asked, const char *holds)
{
    assert_int_equal(scene_look(scene), 1);
    assert_string_equal(scene->found[0].what, what);
    assert_string_equal(scene->found[0].asked, asked);
    if (!strstr(scene->found[0].holds, holds))
        fail_msg("%s holds '%s', which has no '%s' in it", what, scene->found[0].holds, holds);
}
