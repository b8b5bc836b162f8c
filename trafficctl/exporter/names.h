/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Users' names, each asked for once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct names_entry {
    uint32_t uid;
    char *name;
};

/* Zeroed: nobody was asked for. End with names_done(). */
struct names {
    struct names_entry *entries; /* ascending by uid */
    size_t count, room;
};

/* The name of uid, its number if it has none; in names until names_done(). NULL: no memory. */
const char *names_of(struct names *names, uint32_t uid);
void names_done(struct names *names);
