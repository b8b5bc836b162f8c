/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A policy to what maps hold, and back: names of interfaces to their numbers. */
#pragma once

#include "ifaces.h"
#include "image.h"
#include "policy.h"

/* Of a number without a name: "#7". */
#define TRANSLATE_NAMELESS "#%u"

/*
 * What maps hold that hold nothing but this policy. Interfaces that are not there: TCTL_NO_IFACE, no mark. *ret_image
 * is owned by the caller. -ENOMEM.
 */
int translate_to_image(const struct policy *policy, const struct ifaces *ifaces, struct image *ret_image);

/* What an image says; rules for TCTL_NO_IFACE are for "#0". *ret_policy is owned by the caller. -ENOMEM. */
int translate_to_policy(const struct image *image, const struct ifaces *ifaces, struct policy *ret_policy);

/* The number of a rule's interface. "": TCTL_ANY_IFACE; one that is not there: TCTL_NO_IFACE. */
uint32_t translate_iface(const struct ifaces *ifaces, const char *name);
