/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Programs to compare: ours loaded in several ways, and an empty one. Loaded only; nothing is attached or pinned. */
#pragma once

#include <stdbool.h>

struct traffic;

/* Our object with tags for every socket to come and three chains on. NULL and a message when it cannot be loaded. */
struct traffic *programs_load(bool percpu, bool stored_answers);

/* Descriptor of a cgroup_skb program that only returns 1; negative errno. */
int programs_load_empty(void);

/* ns per run of a program over a UDP packet of 64 bytes, by BPF_PROG_TEST_RUN; negative errno. */
double programs_run(int prog_fd);
