/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "login_defs.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"
#include "parse.h"

#define MAX_FILE (256 * 1024)

/* The value of "NAME VALUE" on a line of its own; the last one holds, as for shadow. */
static void find(char *text, const char *name, uint32_t *value)
{
    char word[32], number[32];

    for (char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n \t");
        if (sscanf(line, "%31[A-Z_]%*[ \t]%31[0-9a-zA-Z]", word, number) == 2 && !strcmp(word, name))
            parse_u32(number, value);
    }
}

static struct uid_range range_of(char *text, const char *min, const char *max, struct uid_range otherwise)
{
    struct uid_range range = otherwise;

    find(text, min, &range.first);
    find(text, max, &range.last);
    return range.first <= range.last && range.last != UINT32_MAX ? range : otherwise;
}

void login_defs_uids(const char *path, struct uid_range *ret_uids, struct uid_range *ret_sub_uids)
{
    _cleanup_free_ char *text = NULL;
    char none[] = "";

    fd_read_file(path, MAX_FILE, &text);
    *ret_uids = range_of(text ?: none, "UID_MIN", "UID_MAX", (struct uid_range){1000, 60000});
    *ret_sub_uids = range_of(text ?: none, "SUB_UID_MIN", "SUB_UID_MAX", (struct uid_range){100000, 600100000});
}
