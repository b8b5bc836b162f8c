/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How long it takes to replace a list of 4000 users, beside nft replacing the elements of a set; both as a process. */
#pragma once

/* Print it. 1: something could not be measured, which is said. */
int replace_compare(void);
