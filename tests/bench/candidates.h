/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Programs to compare: ours loaded in several ways, and an empty one. Loaded only; nothing is attached or pinned. */
#pragma once

#include <stdbool.h>

#include <stdint.h>

struct bpf_map;
struct traffic;

struct candidate {
    bool percpu;
    bool stored_answers;
    uint32_t chains; /* TCTL_BIT() of those that are on */
    uint32_t listed; /* UIDs on the list of each; what BPF_PROG_TEST_RUN sends passes, be it on the list or not */
};

/* Our object with tags for every socket to come. NULL and a message when it cannot be loaded. */
struct traffic *candidates_load(const struct candidate *how);

/* Cookies are handed out in sequence: the next ones are those of sockets that BPF_PROG_TEST_RUN makes. */
void candidates_tag_sockets_to_come(struct bpf_map *cookie_tag, uint32_t uid);

/* Descriptor of a cgroup_skb program that only returns 1; negative errno. */
int candidates_load_empty(void);

/* ns per run of a program over a UDP packet of 64 bytes, by BPF_PROG_TEST_RUN; negative errno. */
double candidates_run(int prog_fd);
