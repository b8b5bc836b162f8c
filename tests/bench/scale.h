/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a packet costs where there are 10 UIDs, and where there are 10,000. */
#pragma once

/* Not 0: something could not be measured, which is said. */
int scale_compare(void);
