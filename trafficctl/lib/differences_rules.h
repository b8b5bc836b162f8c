/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The saved policy against what the maps hold. */
#pragma once

#include "difference_list.h"
#include "ifaces.h"
#include "image.h"
#include "policy.h"

struct comparison {
    const struct policy *asked; /* the empty one where nothing was ever saved */
    const struct image *now;
    const struct tctl_config *config;
    const struct ifaces *ifaces; /* NULL: this is not trafficd's network namespace, its interfaces cannot be named */
    struct difference_list *list;
};

/* Rules that are not as asked for. -ENOMEM. */
int differences_rules(const struct comparison *comparison);

/* Rules of UIDs that the firewall does not judge. -ENOMEM. */
int differences_unjudged(const struct comparison *comparison);
