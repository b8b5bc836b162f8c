/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kinds of settings: how a value is read from text and written back. */
#pragma once

#include <stddef.h>

#include "value.h"

struct setting_kind {
    /* 0 or a negative errno; the field is untouched on failure. */
    int (*parse)(const char *text, void *field);
    /* Text of the field, NUL-terminated, cut at size. */
    void (*print)(const void *field, char *text, size_t size);
    size_t size;        /* of the field */
    const char *wanted; /* what would do, for messages */
    struct value value; /* the same for help and completion */
};

extern const struct setting_kind kind_directory, kind_mount, kind_socket, kind_group, kind_bool, kind_backend,
    kind_netfilter, kind_counters, kind_bad_policy, kind_file, kind_ranges, kind_uids, kind_number, kind_entries;
