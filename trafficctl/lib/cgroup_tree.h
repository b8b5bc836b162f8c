/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The control group whose sockets are filtered (--cgroup DIR), and what belongs to it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cgroup_tree {
    char *dir; /* as it was given, or where cgroup2 is mounted */
    int fd;
    uint64_t id;    /* the number that links and sockets name it by */
    char *place;    /* its path in the file system, whatever leads there */
    bool everybody; /* it is the whole of what is mounted: every socket is inside */
    uint64_t asked; /* the last answer: one socket's group is often the next one's */
    int answer;
};

/*
 * As trafficd was told below bpffs: of before there was anything to tell it counted everybody. End with
 * cgroup_tree_done(), also after a failure; dir is set then, too, but after -ENOMEM. -ENOENT: the group is not there;
 * -EMEDIUMTYPE: that is no cgroup2; -errno.
 */
int cgroup_tree_configured(const char *bpffs, struct cgroup_tree *tree);
void cgroup_tree_done(struct cgroup_tree *tree);

/* Where no group is asked about: every socket is inside. */
void cgroup_tree_everybody(struct cgroup_tree *tree);

/* The number of the group that fd has open. -errno of name_to_handle_at(2). */
int cgroup_tree_id(int fd, uint64_t *ret_id);

/*
 * Is the group of this number in it? 1, 0. -ESTALE: that group was removed, or this process cannot see it; -EPERM: it
 * takes CAP_DAC_READ_SEARCH; -ENOMEM, -errno.
 */
int cgroup_tree_has(struct cgroup_tree *tree, uint64_t id);
