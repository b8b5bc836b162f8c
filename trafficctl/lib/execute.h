/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A plan done to the maps. */
#pragma once

#include "plan.h"

/*
 * Do it, in batches where the kernel has them, and raise the generation. After a failure what was written is taken back
 * and the generation is raised too; what could not be taken back, fault says. Rows of the plan that a peer took away
 * meanwhile may be gone. -E2BIG: a peer filled a map meanwhile; -errno of bpf(2).
 */
int execute_plan(const struct plan *plan, const struct enforce *enforce, struct fault *fault);
