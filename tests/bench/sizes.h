/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How large the programs are: instructions, and bytes of the CPU's own. */
#pragma once

#include "candidates.h"

/* Not 0: the kernel does not tell, which is said. */
int sizes_tell(const struct competitor competitors[COMPARED]);
