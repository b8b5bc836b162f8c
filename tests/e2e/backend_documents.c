/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "backend_documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wall_kit.h"

#define LACKS "backend.lacks"
#define PATH_LEN 128
#define MEMBERS_MAX 512

const char *const backend_commands[] = {
    "stats uid", "stats iface", "stats detail", "stats drops", "status", "firewall show", "firewall why 10001", "check",
};
const size_t backend_command_count = ARRAY_SIZE(backend_commands);

struct members {
    char text[MEMBERS_MAX][PATH_LEN];
    size_t count;
};

static void add(struct members *members, const char *path)
{
    for (size_t i = 0; i < members->count; i++)
        if (strcmp(members->text[i], path) == 0)
            return;
    assert_in_range(members->count, 0, MEMBERS_MAX - 1);
    snprintf(members->text[members->count++], PATH_LEN, "%s", path);
}

static void collect(const json_t *value, const char *path, struct members *members)
{
    char below[PATH_LEN];
    const char *key;
    json_t *member;
    size_t index;

    if (strcmp(path, LACKS) == 0)
        return;
    json_object_foreach((json_t *)value, key, member)
    {
        snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", key);
        add(members, below);
        collect(member, below, members);
    }
    snprintf(below, sizeof(below), "%s[]", path);
    json_array_foreach(value, index, member) collect(member, below, members);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

char *backend_members(const char *command, int exit)
{
    _cleanup_free_ struct members *members = calloc(1, sizeof(*members));
    json_t *document = run_ctl_json(the_world, command, exit);
    char *text = NULL;
    size_t length = 0;
    assert_non_null(members);
    collect(document, "", members);
    json_decref(document);
    qsort(members->text, members->count, PATH_LEN, compare);
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    for (size_t i = 0; i < members->count; i++)
        fprintf(out, "%s\n", members->text[i]);
    assert_int_equal(fclose(out), 0);
    return text;
}
