/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Several worlds at a time, which a process can have but one of: each in a process of its own, which has nothing to do
 * while it is another's turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "veth_rules.h"

struct veth_way {
    const char *name;
    bool trafficd;
    const char *netfilter; /* trafficd's option; NULL: off */
    bool firewall;         /* all chains on, with so many users on each list, and what UDP sends is tagged */
    enum veth_rules rules;
    unsigned users;
};

enum veth_measure {
    VETH_UDP_OUT,
    VETH_UDP_IN,
    VETH_TCP_OUT,
    VETH_MEASURES,
};

struct veth_world {
    pid_t pid;   /* 0: there is none */
    int channel; /* to it */
};

/* All is there when this returns, and has counted a burst of each direction. -ENODATA: it counts nothing; another
 * negative errno: it cannot be had here. */
int veth_world_start(const struct veth_way *way, struct veth_world *ret_world);

/* Packets or bits per second of one run; negative errno. */
int64_t veth_world_measure(struct veth_world *world, enum veth_measure measure);

/* Several are told to end before the first of them is waited for. None is fine. */
void veth_worlds_end(struct veth_world *worlds, size_t count);
