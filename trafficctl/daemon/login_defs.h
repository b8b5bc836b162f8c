/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which UIDs belong to people here, as shadow's login.defs(5) says it. */
#pragma once

#include <stddef.h>

#include "loader.h"

#define LOGIN_DEFS "/etc/login.defs"

/*
 * UID_MIN-UID_MAX and SUB_UID_MIN-SUB_UID_MAX of path. A range that the file does not give, or gives wrong, is
 * 1000-60000 or 100000-600100000.
 */
void login_defs_uids(const char *path, struct uid_range *ret_uids, struct uid_range *ret_sub_uids);
