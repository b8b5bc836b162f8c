/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What an app's traffic reaches with nothing, with each way of ours, and with what a user could pick instead. */
#pragma once

/* Print it. 1: something could not be measured, which is said. */
int traffic_compare(void);
