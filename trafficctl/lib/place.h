/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where things are that have no bpffs to be in. */
#pragma once

/* For the default place, which a bpffs is mounted on or nothing can be made in. */
#define PLACE_FILES "/run/trafficctl/nft"

/*
 * The place that is meant by a directory: itself; where it is the default (also NULL), nothing is loaded there, and
 * something is in PLACE_FILES, that. Static, or the argument.
 */
const char *place_find(const char *dir);
