/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

/* Start trafficd in a world of its own, wait for READY and return its VmRSS in KiB (negative errno); all is taken down.
 */
long memory_after_ready(void);
