/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

/*
 * Wait until every program that runs in the kernel now has ended: from then on they see what was written before, and
 * none holds an element that was deleted before. Some 20 ms.
 */
void grace_wait(void);
