/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The programs for BPF netfilter links, loaded over the fixture's maps and linked in place A of a world, whose wire
 * says what they have to count. Asserts with cmocka.
 */
#pragma once

#include "fixture.h"
#include "world.h"

struct fault;

struct links {
    struct world *world;
    struct fixture *fixture;
    uint32_t a0; /* number of A's interface */
    struct tctl_stats_value before;
    struct nft_talk *rules;
};

/* A world without trafficd, the fixture's programs loaded, nothing linked. One at a time. */
struct links *links_new(bool percpu);
struct links *links_free(struct links *links);

/* link_object_load() and _put() as a start does them. */
int links_load(const struct links *links, bool repairs, struct fault *why);
/* netfilter's functions, called in A. */
int links_put(const struct links *links, struct fault *fault);
uint32_t links_look(const struct links *links);
void links_remove(const struct links *links);
/* Load and put; the test fails if that fails. */
void links_on(const struct links *links);
/* The same counts by the xtables match "bpf", in a table of nf_tables in A; instead of links_on(). */
void links_on_by_rules(struct links *links);

/* Put the two programs into the slots that the pinned ones call, as a start does. */
void links_swap(const struct links *links, int ingress, int egress);

/* From here on. */
void links_start(struct links *links);
struct tctl_stats_value links_counted(const struct links *links);
/* a0's row since links_start() is what crossed the wire since then, and something did. */
void links_exact(struct links *links);

/* A row of trafficctl/iface_parts; zeroes when there is none. */
struct tctl_iface_parts links_parts(const struct links *links, uint32_t iface);
