/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "effective.h"

#include <errno.h>
#include <string.h>

#include "state.h"

/* The value in a line "key = value" or "key ="; NULL: it is another's. */
static const char *value_in(const char *line, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0 || strncmp(line + length, " =", 2) != 0)
        return NULL;
    line += length + 2;
    return *line == ' ' ? line + 1 : line;
}

int effective_find(const struct tctl_state *state, const char *key, char ret_value[static EFFECTIVE_LEN])
{
    char options[TCTL_OPTIONS_LEN + 1];
    memcpy(options, state->options, TCTL_OPTIONS_LEN);
    options[TCTL_OPTIONS_LEN] = '\0';
    char *rest = options;
    for (const char *line; (line = strsep(&rest, "\n"));) {
        const char *value = value_in(line, key);
        if (!value)
            continue;
        if (strlen(value) >= EFFECTIVE_LEN)
            return -EMSGSIZE;
        strcpy(ret_value, value);
        return 0;
    }
    return -ENOENT;
}

int effective_read(const char *bpffs, const char *key, char ret_value[static EFFECTIVE_LEN])
{
    struct tctl_state state;
    int r = state_read_pinned(bpffs, &state);
    return r < 0 ? r : effective_find(&state, key, ret_value);
}
