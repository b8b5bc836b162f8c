/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a struct tctl_firewall is inside the library. */
#pragma once

#include <trafficctl/firewall.h>

#include "backend.h"
#include "fault.h"
#include "writer.h"

struct tctl_firewall {
    char *bpffs;
    struct writer writer;
    const struct backend *backend;
    struct enforcer *enforcer; /* the backend's */
    struct fault problem;
};

/* For the beginning of a call: no problem yet, and what is open is still in the programs' sight. -ESTALE: it is not. */
int firewall_begin(struct tctl_firewall *firewall);

/* Say the errno where nobody has said more, and return it. */
int firewall_failed(struct tctl_firewall *firewall, int err, const char *what);

/* Where there is no problem yet: is nothing judged, so that the rules hold for nobody? */
void firewall_note_lacks(struct tctl_firewall *firewall);

/* Do these numbers of interfaces mean this network namespace's? -EXDEV: no. */
int firewall_check_netns(struct tctl_firewall *firewall, const struct tctl_config *config);
