/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What packets of a socket cost that is tagged anew all the time. */
#pragma once

/* Not 0: something could not be measured, which is said. */
int churn_compare(void);
