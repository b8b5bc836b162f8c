/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One thing that a user changes in the firewall: the same in the saved policy and in the maps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image.h"
#include "policy.h"

struct change {
    enum {
        CHANGE_SWITCH,
        CHANGE_LIST,
        CHANGE_IFACE,
        CHANGE_METERED,
    } kind;
    bool runtime;            /* the saved policy stays as it is */
    bool denies;             /* somebody may be blocked by it who was not */
    uint32_t chain;          /* SWITCH, LIST; TCTL_LOCKDOWN too */
    bool on;                 /* SWITCH, METERED */
    enum image_edit edit;    /* LIST */
    struct policy_uids uids; /* LIST, and IFACE: one; owned */
    const char *iface;       /* IFACE: "" any, NULL no rule; METERED */
    uint32_t number;         /* of it */
};

void change_done(struct change *change);

/* Does it say something about who may be judged? Whoever is taken off a list may be anybody. */
bool change_makes_rules(const struct change *change);

/* -ENOMEM. */
int change_policy(const struct change *change, struct policy *policy);
int change_image(const struct change *change, struct image *image);
