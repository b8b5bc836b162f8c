/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A failure in words. Libraries below the mains do not log: they return a negative errno and, where it alone would not
 * tell a user what to do, one line in a struct fault that main prints.
 */
#pragma once

struct fault {
    char text[512]; /* one line, no newline at its end; empty: nothing was said */
};

/* Say what went wrong and return err unchanged. fault may be NULL. An earlier text is replaced. */
__attribute__((format(printf, 3, 4))) int fault_set(struct fault *fault, int err, const char *format, ...);
