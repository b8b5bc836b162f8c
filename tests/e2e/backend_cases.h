/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Traffic that both backends see, and what each of them counts of it: where they differ the case names the lack of
 * tctl_backend() that says so. Asserts with cmocka.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "meter.h"

enum backend {
    BACKEND_BPF,
    BACKEND_NFT,
    BACKENDS,
};

/* Of one direction, packets and bytes. */
enum sight {
    WHOLE, /* all that crossed the wire, and what the case says is beyond it */
    PART,
    NOTHING, /* though something came */
};

struct backend_case {
    const char *name;
    const char *lack; /* NULL: both count the same */
    /* Do it, count while the sockets are open, then close them. */
    void (*run)(const struct backend_case *one, enum backend backend, uint32_t uid, unsigned int address);
    int family;
    struct meter_extra beyond; /* counted, but on no wire */
    struct {
        enum sight rx, tx;
    } sees[BACKENDS];
};

extern const struct backend_case backend_cases[];
extern const size_t backend_case_count;
