/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What nf_tables lacks beside numbers: each by doing it with both backends. Asserts with cmocka. */
#pragma once

#include <stddef.h>

#include "backend_cases.h"

struct backend_lack {
    const char *name; /* as tctl_backend() lists it */
    /* Is it there with BPF, and not with nf_tables? Root, in A, while trafficd runs, as afterwards. */
    void (*show)(enum backend backend);
};
extern const struct backend_lack backend_lacks[];
extern const size_t backend_lack_count;
