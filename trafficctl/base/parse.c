/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "cleanup.h"

/* One digit's value, or -1. */
static int digit_value(char c, unsigned int base)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (base == 16 && c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (base == 16 && c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int parse_u32(const char *text, uint32_t *ret)
{
    unsigned int base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
    if (base == 16)
        text += 2;
    if (!*text)
        return -EINVAL;

    uint32_t value = 0;
    bool fits = true;
    for (; *text; text++) {
        int digit = digit_value(*text, base);
        if (digit < 0)
            return -EINVAL;
        fits = fits && !__builtin_mul_overflow(value, base, &value) && !__builtin_add_overflow(value, digit, &value);
    }
    if (!fits)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_bool(const char *text, bool *ret)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};
    for (size_t value = 0; value < 2; value++) {
        for (size_t i = 0; i < ARRAY_SIZE(words[value]); i++) {
            if (strcmp(text, words[value][i]) == 0) {
                *ret = value;
                return 0;
            }
        }
    }
    return -EINVAL;
}

/* The databases answer 0 without an entry, or one of several errnos, for "no such name". */
static int name_error(const char *name, int err)
{
    if (err != 0 && err != ENOENT && err != ESRCH && err != EBADF && err != EPERM)
        return -err;
    return isalpha((unsigned char)*name) || *name == '_' ? -ESRCH : -EINVAL;
}

static int user_of_name(const char *name, uint32_t *ret)
{
    for (size_t size = 1024;; size *= 2) {
        _cleanup_free_ char *buffer = malloc(size);
        if (!buffer)
            return -ENOMEM;
        struct passwd entry, *found = NULL;
        int err = getpwnam_r(name, &entry, buffer, size, &found);
        if (err == ERANGE)
            continue;
        if (!found)
            return name_error(name, err);
        *ret = entry.pw_uid;
        return 0;
    }
}

static int group_of_name(const char *name, uint32_t *ret)
{
    for (size_t size = 1024;; size *= 2) {
        _cleanup_free_ char *buffer = malloc(size);
        if (!buffer)
            return -ENOMEM;
        struct group entry, *found = NULL;
        int err = getgrnam_r(name, &entry, buffer, size, &found);
        if (err == ERANGE)
            continue;
        if (!found)
            return name_error(name, err);
        *ret = entry.gr_gid;
        return 0;
    }
}

/* A number, else what look_up finds. UINT32_MAX is no id: the kernel takes it for "none". */
static int parse_id(const char *text, int (*look_up)(const char *, uint32_t *), uint32_t *ret)
{
    uint32_t id = 0;
    int r = parse_u32(text, &id);
    if (r == -EINVAL)
        r = look_up(text, &id);
    if (r < 0)
        return r;
    if (id == UINT32_MAX)
        return -ERANGE;
    *ret = id;
    return 0;
}

int parse_uid(const char *text, uint32_t *ret)
{
    return parse_id(text, user_of_name, ret);
}

int parse_gid(const char *text, gid_t *ret)
{
    return parse_id(text, group_of_name, ret);
}

/* A UID in digits; ranges of names would mean nothing. */
static int parse_range_end(const char *text, uint32_t *ret)
{
    int r = parse_u32(text, ret);
    return r < 0 ? r : *ret == UINT32_MAX ? -ERANGE : 0;
}

/* "N", "N-M" or "N-". Changes text. */
static int parse_uid_range(char *text, struct uid_range *ret)
{
    char *dash = strchr(text, '-');
    if (dash)
        *dash = '\0';

    struct uid_range range;
    int r = parse_range_end(text, &range.first);
    if (r < 0)
        return r;
    range.last = dash ? UINT32_MAX - 1 : range.first;
    if (dash && dash[1])
        r = parse_range_end(dash + 1, &range.last);
    if (r < 0)
        return r;
    if (range.last < range.first)
        return -EINVAL;
    *ret = range;
    return 0;
}

int parse_uid_ranges(const char *text, struct uid_range *ranges, size_t max, size_t *ret_count)
{
    _cleanup_free_ char *copy = strdup(text);
    _cleanup_free_ struct uid_range *parsed = calloc(max + 1, sizeof(*parsed));
    if (!copy || !parsed)
        return -ENOMEM;

    size_t count = 0;
    char *rest = *copy ? copy : NULL;
    for (char *item; (item = strsep(&rest, ",")); count++) {
        if (count == max)
            return -E2BIG;
        int r = parse_uid_range(item, &parsed[count]);
        if (r < 0)
            return r;
    }
    memcpy(ranges, parsed, count * sizeof(*parsed));
    *ret_count = count;
    return 0;
}
