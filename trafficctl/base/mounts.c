/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "mounts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fd.h"

struct mount_line {
    const char *point;
    const char *type;
};

/* The kernel writes blanks and backslashes as \ooo. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned int byte;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
            *to = (char)byte;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* "36 35 98:0 /root /point options [optional]... - type source options"; line is cut up. */
static bool parse(char *line, struct mount_line *ret_mount)
{
    char *rest = strstr(line, " - ");
    if (!rest)
        return false;
    *rest = '\0';

    char *saved = NULL, *point = strtok_r(line, " ", &saved);
    for (int field = 1; field < 5 && point; field++)
        point = strtok_r(NULL, " ", &saved);
    char *type = strtok_r(rest + 3, " ", &saved);
    if (!point || !type)
        return false;
    unescape(point);
    *ret_mount = (struct mount_line){point, type};
    return true;
}

typedef bool (*visit_fn)(const struct mount_line *mount, void *data);

/* Until visit says true. */
static int for_each_mount(visit_fn visit, void *data)
{
    _cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return -errno;
    _cleanup_free_ char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) >= 0) {
        struct mount_line mount;
        if (parse(line, &mount) && visit(&mount, data))
            break;
    }
    return 0;
}

struct search {
    const char *wanted;
    char *found;
    size_t length;
};

static bool is_type(const struct mount_line *mount, void *data)
{
    struct search *search = data;
    if (strcmp(mount->type, search->wanted) != 0)
        return false;
    search->found = strdup(mount->point);
    return true;
}

static bool is_above(const char *point, size_t length, const char *path)
{
    return strcmp(point, "/") == 0 ||
           (strncmp(path, point, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* The longest mount point above the path, of equal ones the last, is what is seen there. */
static bool longest_above(const struct mount_line *mount, void *data)
{
    struct search *search = data;
    size_t length = strlen(mount->point);
    if (length < search->length || !is_above(mount->point, length, search->wanted))
        return false;
    free(search->found);
    search->found = strdup(mount->type);
    search->length = length;
    return false;
}

int mounts_find(const char *type, char **ret_path)
{
    struct search search = {.wanted = type};
    int r = for_each_mount(is_type, &search);
    if (r == 0 && !search.found)
        r = -ENOENT;
    if (r == 0)
        *ret_path = search.found;
    return r;
}

int mounts_type_of(const char *path, char **ret_type)
{
    _cleanup_free_ char *real = realpath(path, NULL);
    if (!real)
        return -errno;
    struct search search = {.wanted = real};
    int r = for_each_mount(longest_above, &search);
    if (r == 0 && !search.found)
        r = -ENOENT;
    if (r == 0)
        *ret_type = search.found;
    return r;
}

/* "nodev\tbpf", or "\text4". */
bool mounts_knows(const char *type)
{
    _cleanup_free_ char *all = NULL, *line = NULL;
    if (asprintf(&line, "\t%s\n", type) < 0) {
        line = NULL;
        return false;
    }
    return fd_read_file("/proc/filesystems", 65536, &all) == 0 && strstr(all, line);
}
