/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

/* trafficd from its start until it is ready. Not 0: it could not be measured. */
int start_compare(void);
