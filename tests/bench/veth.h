/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What traffic over a veth pair reaches with nothing, with each way of trafficd, and with rules a user could write. */
#pragma once

/* Print it. 1: something could not be measured, which is said. */
int veth_compare(void);
