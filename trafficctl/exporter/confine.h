/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Give up for good all that the caller may do beyond what its UID and groups may: reading pins takes no more. -errno.
 */
#pragma once

int confine(void);
