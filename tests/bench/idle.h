/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

/* trafficd and its child while nothing happens. Not 0: it could not be measured. */
int idle_compare(void);
