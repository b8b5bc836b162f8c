/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The loader's warnings, logged. */
#pragma once

#include "log.h"

static inline void warn(const char *text)
{
    log_warning("%s", text);
}
