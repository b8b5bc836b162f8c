/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "user_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "format.h"

/* Where uid is, or would be. */
static size_t place_of(const struct user_names *names, uint32_t uid)
{
    size_t low = 0, high = names->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (names->entries[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct user_names *names)
{
    if (names->count < names->room)
        return true;
    size_t room = names->room ? 2 * names->room : 16;
    struct user_name *entries = reallocarray(names->entries, room, sizeof(*entries));
    if (!entries)
        return false;
    names->entries = entries;
    names->room = room;
    return true;
}

static char *ask(uint32_t uid)
{
    char *name = format_user(uid);

    if (!name && asprintf(&name, "%u", uid) < 0)
        return NULL;
    return name;
}

const char *user_names_of(struct user_names *names, uint32_t uid)
{
    size_t place = place_of(names, uid);
    struct user_name *entry;

    if (place < names->count && names->entries[place].uid == uid)
        return names->entries[place].name;
    char *name = make_room(names) ? ask(uid) : NULL;
    if (!name)
        return NULL;
    entry = &names->entries[place];
    memmove(entry + 1, entry, (names->count - place) * sizeof(*entry));
    *entry = (struct user_name){uid, name};
    names->count++;
    return name;
}

void user_names_done(struct user_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].name);
    free(names->entries);
}
