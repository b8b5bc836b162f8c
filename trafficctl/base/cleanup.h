/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Owning locals: declared with a cleanup attribute and a value, they are released on every way out unless taken. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Move a pointer out of its owner. */
#define TAKE_PTR(p)                                                                                                    \
    ({                                                                                                                 \
        typeof(p) taken_ = (p);                                                                                        \
        (p) = NULL;                                                                                                    \
        taken_;                                                                                                        \
    })

static inline void freep(void *p)
{
    free(*(void **)p);
}

#define _cleanup_free_ _cleanup_(freep)

static inline void fclosep(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define _cleanup_fclose_ _cleanup_(fclosep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
