/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who decides what is at a path. */
#pragma once

#include "fault.h"

/*
 * Can nobody but root and the caller put something else there, or take it away? Every folder on the way is looked at,
 * as it is written and where symbolic links lead. Success where folders are missing: whoever could make them was looked
 * at. -EBADMSG: fault says which folder is whose; -ENOMEM, -errno of stat(2).
 */
int trusted_place(const char *path, struct fault *fault);
