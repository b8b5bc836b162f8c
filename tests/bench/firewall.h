/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the firewall costs a packet, by the length of its lists and the number of chains that are on. */
#pragma once

/* Print it. 1: something could not be measured, which is said. */
int firewall_compare(void);
