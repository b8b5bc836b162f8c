/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a start leaves to be read: trafficctl/state and the names of interfaces. */
#pragma once

#include "job.h"

/* Note options and time in the state, and *ret_state for later; end it with state_unmap(). */
int record_state(const struct job *job, uint32_t wanted, struct tctl_state **ret_state);

/* A state of now: of this boot, from this moment on. */
void record_begin(struct tctl_state *state);

/* Note the effective options. */
void record_options(struct tctl_state *state, const struct load_options *options);

/* Names of the interfaces that there are now, where their numbers have none yet. A full map loses the rest. */
int record_interfaces(const char *bpffs);

/* Note what is attached and which chains are switched on, as seen now. */
void record_seen(struct tctl_state *state, uint32_t attached, uint32_t chains);
