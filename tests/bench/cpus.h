/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Two CPUs that count for one UID, and for two. */
#pragma once

/* Not 0: something could not be measured, which is said. */
int cpus_compare(void);
