/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Capabilities of this process. */
#pragma once

#include <stdbool.h>

#include "fault.h"

/* Is a capability (CAP_*) effective, in the user namespace of this process? */
bool privilege_has(unsigned int capability);

/* May this process load and attach? When not, -EPERM with the capabilities that are missing. */
int privilege_check(struct fault *fault);

/* May it count and judge by nf_tables? When not, -EPERM with what is missing. */
int privilege_check_nft(struct fault *fault);

/* Let maps take as much locked memory as they need; kernels from 5.11 on do not ask. Failure does no harm there. */
void privilege_raise_memlock(void);
/* Is less than 8 MiB of locked memory allowed? */
bool privilege_memlock_is_small(void);
