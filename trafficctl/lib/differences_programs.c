/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "differences_programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attached.h"
#include "cleanup.h"
#include "fd.h"

/* Every program that judges asks these. */
static const enum pin_id asked_maps[] = {
    PIN_DOZABLE_UID, PIN_STANDBY_UID, PIN_POWERSAVE_UID, PIN_UID_RULES, PIN_UID_IFACE, PIN_METERED, PIN_CONFIG,
};

struct programs {
    const char *bpffs;
    const struct cgroup_tree *tree;
    struct difference_list *list;
    uint32_t maps[ARRAY_SIZE(asked_maps)]; /* numbers of those that are pinned */
    bool foreign[ARRAY_SIZE(asked_maps)];  /* a program uses others in their place */
    bool group_is_gone;                    /* the configured one */
    size_t elsewhere;                      /* programs that hang on another group */
};

static int find_map(const char *bpffs, enum pin_id id, uint32_t *ret_number)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, id, false, &fd);
    return r < 0 ? r : pins_number(fd, ret_number);
}

static void look_at_maps(struct programs *programs, enum tctl_program which, const struct attached_program *program)
{
    if (which == TCTL_PROG_RELEASE)
        return; /* judges nothing */
    for (size_t i = 0; i < ARRAY_SIZE(asked_maps); i++)
        programs->foreign[i] |= !attached_uses(program, programs->maps[i]);
}

static int say(struct difference_list *list, enum tctl_program which, const char *holds)
{
    difference_add(list, "attached", holds, "program %s", attached_pins[which].name);
    return 0;
}

static int look_at_program(struct programs *programs, enum tctl_program which)
{
    struct bpf_link_info link = {0};
    struct attached_program program = {0};
    int r = attached_program(programs->bpffs, which, &program);
    if (r == -ENOENT || r == -EBADF)
        return say(programs->list, which, r == -EBADF ? "its pin is something else" : "its pin is gone");
    if (r == 0)
        r = attached_link(programs->bpffs, which, &link);
    if (r == -ENOENT || r == -EBADF)
        return say(programs->list, which,
                   r == -EBADF ? "the pin of its link is something else" : "not attached: its link is gone");
    if (r < 0)
        return r;
    if (link.prog_id != program.id)
        return say(programs->list, which, "its link runs another program than the one that is pinned");
    if (link.cgroup.cgroup_id == 0 && !programs->group_is_gone)
        say(programs->list, which, "not attached: its link was detached, or its control group removed");
    else if (link.cgroup.cgroup_id != 0 && link.cgroup.cgroup_id != programs->tree->id)
        programs->elsewhere++;
    look_at_maps(programs, which, &program);
    return 0;
}

static void say_maps(const struct programs *programs)
{
    for (size_t i = 0; i < ARRAY_SIZE(asked_maps); i++) {
        if (programs->foreign[i])
            difference_add(programs->list, "the map of the programs",
                           "another map is pinned there than the one that the programs ask: what is written to it "
                           "holds for nobody",
                           "%s", pins[asked_maps[i]].path);
    }
}

static void say_group(const struct programs *programs, int tree_error)
{
    const char *dir = programs->tree->dir ?: "of cgroup2";
    char holds[192];
    if (tree_error < 0)
        snprintf(holds, sizeof(holds), "%s: nothing is filtered there",
                 tree_error == -ENOENT ? "it was removed" : strerror(-tree_error));
    else if (programs->elsewhere > 0)
        snprintf(holds, sizeof(holds), "%zu of them hang on another group, or on one of its name that was removed",
                 programs->elsewhere);
    else
        return;
    difference_add(programs->list, "the programs hang on it", holds, "control group %s", dir);
}

int differences_programs(const char *bpffs, uint32_t wanted, const struct cgroup_tree *tree, int tree_error,
                         struct difference_list *list)
{
    struct programs programs = {.bpffs = bpffs, .tree = tree, .list = list, .group_is_gone = tree_error < 0};
    int r = tree_error == -ENOMEM ? tree_error : 0;
    for (size_t i = 0; i < ARRAY_SIZE(asked_maps) && r == 0; i++)
        r = find_map(bpffs, asked_maps[i], &programs.maps[i]);
    for (size_t which = 0; which < TCTL_PROGRAMS && r == 0; which++) {
        if (wanted & 1u << which)
            r = look_at_program(&programs, (enum tctl_program)which);
    }
    if (r < 0)
        return r;
    say_group(&programs, tree_error);
    say_maps(&programs);
    return 0;
}
