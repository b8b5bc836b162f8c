/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "names.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iface_names.h"

_Static_assert(TCTL_IFNAME_LEN == IF_NAMESIZE, "names fit");

void names_done(struct names *names)
{
    free(names->known);
}

bool names_find(const struct names *names, uint32_t index, char ret_text[static TCTL_IFNAME_LEN])
{
    char text[TCTL_IFNAME_LEN] = "";
    bool found = true;
    if (bpf_map_lookup_elem(names->map_fd, &index, text) == 0 && *text)
        text[sizeof(text) - 1] = '\0'; /* a peer may have filled all of it */
    else if (index >= TCTL_REMOVED_FIRST)
        snprintf(text, sizeof(text), "%s", IFACE_NAMES_REMOVED); /* its name may have found no room */
    else if (!names->ask_kernel || !if_indextoname(index, text))
        found = false;
    if (found)
        memcpy(ret_text, text, sizeof(text));
    return found;
}

/* NULL when there is no memory to keep one more. */
static struct name *names_add(struct names *names)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 16;
        struct name *grown = reallocarray(names->known, room, sizeof(*grown));
        if (!grown)
            return NULL;
        names->known = grown;
        names->room = room;
    }
    return &names->known[names->count++];
}

const char *names_get(void *context, uint32_t index)
{
    struct names *names = context;
    for (size_t i = 0; i < names->count; i++) {
        if (names->known[i].index == index)
            return names->known[i].text;
    }

    struct name *name = names_add(names);
    char *text = name ? name->text : names->unkept;
    if (name)
        name->index = index;
    if (!names_find(names, index, text))
        snprintf(text, TCTL_IFNAME_LEN, "%u", index);
    return text;
}
