/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *fault, int err, const char *format, ...)
{
    if (!fault)
        return err;

    va_list args;
    va_start(args, format);
    vsnprintf(fault->text, sizeof(fault->text), format, args);
    va_end(args);
    return err;
}
