/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Users' names, each asked for once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct user_name {
    uint32_t uid;
    char *name;
};

/* Zeroed: nobody was asked for. End with user_names_done(). */
struct user_names {
    struct user_name *entries; /* ascending by uid */
    size_t count, room;
};

/* The name of uid, its number if it has none; in names until user_names_done(). NULL: no memory. */
const char *user_names_of(struct user_names *names, uint32_t uid);
void user_names_done(struct user_names *names);
