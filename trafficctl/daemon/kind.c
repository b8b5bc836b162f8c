/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "kind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"
#include "settings.h"

/* The kernel refuses larger hash maps. */
#define MAX_ENTRIES (UINT32_C(1) << 31)

/* Whatever is taken can be written into a configuration file, where ';' and blanks at either end mean something else.
 */
static int parse_string(const char *text, char *field, size_t size)
{
    size_t length = strlen(text);

    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F || *at == ';')
            return -EINVAL;
    if (length && (text[0] == ' ' || text[length - 1] == ' '))
        return -EINVAL;
    if (length >= size)
        return -ENAMETOOLONG;
    strcpy(field, text);
    return 0;
}

static int parse_line(const char *text, void *field)
{
    return parse_string(text, field, SETTINGS_STRING_LEN);
}

static int parse_word(const char *text, void *field)
{
    return *text ? parse_line(text, field) : -EINVAL;
}

/* Peers are elsewhere, and ask the same file. */
static int parse_file(const char *text, void *field)
{
    size_t length = strlen(text);

    return *text == '/' && text[length - 1] != '/' ? parse_line(text, field) : -EINVAL;
}

static int parse_socket(const char *text, void *field)
{
    return *text ? parse_string(text, field, SETTINGS_SOCKET_LEN) : -EINVAL;
}

static void print_text(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", (const char *)field);
}

static int parse_yes_no(const char *text, void *field)
{
    return parse_bool(text, field);
}

static void print_bool(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", *(const bool *)field ? "yes" : "no");
}

/* One of two words; true for the second. */
static int parse_either(const char *text, const char *no, const char *yes, bool *field)
{
    bool is_yes = !strcmp(text, yes);

    if (!is_yes && strcmp(text, no))
        return -EINVAL;
    *field = is_yes;
    return 0;
}

static int parse_backend(const char *text, void *field)
{
    for (unsigned int backend = 0; backend <= LOAD_BACKEND_NFT; backend++) {
        if (!strcmp(text, load_backend_name(backend))) {
            *(enum load_backend *)field = backend;
            return 0;
        }
    }
    return -EINVAL;
}

static void print_backend(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", load_backend_name(*(const enum load_backend *)field));
}

static int parse_netfilter(const char *text, void *field)
{
    for (unsigned int way = 0; way <= LOAD_NETFILTER_AUTO; way++) {
        if (!strcmp(text, load_netfilter_name(way))) {
            *(enum load_netfilter *)field = way;
            return 0;
        }
    }
    return -EINVAL;
}

static void print_netfilter(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", load_netfilter_name(*(const enum load_netfilter *)field));
}

static int parse_counters(const char *text, void *field)
{
    return parse_either(text, "shared", "percpu", field);
}

static void print_counters(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", *(const bool *)field ? "percpu" : "shared");
}

static const char *const bad_policies[] = {[LOAD_KEEP] = "keep", [LOAD_CLOSED] = "closed", [LOAD_OPEN] = "open"};

static int parse_bad_policy(const char *text, void *field)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_policies); i++) {
        if (!strcmp(text, bad_policies[i])) {
            *(enum load_bad_policy *)field = (enum load_bad_policy)i;
            return 0;
        }
    }
    return -EINVAL;
}

static void print_bad_policy(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", bad_policies[*(const enum load_bad_policy *)field]);
}

static int parse_ranges(const char *text, void *field)
{
    struct settings_ranges ranges = {0};
    int r = parse_uid_ranges(text, ranges.range, LOAD_MAX_UID_RANGES, &ranges.count);

    if (r < 0)
        return r;
    *(struct settings_ranges *)field = ranges;
    return 0;
}

static void print_ranges(const void *field, char *text, size_t size)
{
    const struct settings_ranges *ranges = field;
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < ranges->count && used < size; i++)
        used +=
            snprintf(text + used, size - used, "%s%u-%u", i ? "," : "", ranges->range[i].first, ranges->range[i].last);
}

static void print_uids(const void *field, char *text, size_t size)
{
    const struct settings_uids *uids = field;
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < uids->count && used < size; i++)
        used += snprintf(text + used, size - used, "%s%u", i ? "," : "", uids->uid[i]);
}

static int parse_uid_list(char *rest, struct settings_uids *uids)
{
    for (char *item; (item = strsep(&rest, ",")); uids->count++) {
        if (uids->count == SETTINGS_MAX_UIDS)
            return -E2BIG;
        int r = parse_uid(item, &uids->uid[uids->count]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What is printed has to be a line that can be read again. */
static int parse_uids(const char *text, void *field)
{
    _cleanup_free_ char *copy = strdup(text);
    struct settings_uids uids = {0};
    char printed[SETTINGS_VALUE_LEN];
    int r;

    if (!copy)
        return -ENOMEM;
    r = *text ? parse_uid_list(copy, &uids) : 0;
    if (r < 0)
        return r;
    print_uids(&uids, printed, sizeof(printed));
    if (strlen(printed) >= SETTINGS_UIDS_LEN)
        return -E2BIG;
    *(struct settings_uids *)field = uids;
    return 0;
}

static int parse_number(const char *text, void *field)
{
    return parse_u32(text, field);
}

static void print_number(const void *field, char *text, size_t size)
{
    snprintf(text, size, "%u", *(const uint32_t *)field);
}

static int parse_entries(const char *text, void *field)
{
    uint32_t entries;
    int r = parse_u32(text, &entries);

    if (r < 0)
        return r;
    if (entries < 1 || entries > MAX_ENTRIES)
        return -ERANGE;
    *(uint32_t *)field = entries;
    return 0;
}

const struct setting_kind kind_directory = {parse_word, print_text, SETTINGS_STRING_LEN,
                                            "a directory of at most 167 bytes, without ';' and control characters",
                                            .value = {"DIR", VALUE_DIRECTORY}};
const struct setting_kind kind_file = {
    parse_file, print_text, SETTINGS_STRING_LEN,
    "the whole path of a file, of at most 167 bytes, without ';' and control characters",
    .value = {"FILE", VALUE_FILE}};
const struct setting_kind kind_mount = {
    parse_line, print_text, SETTINGS_STRING_LEN,
    "a directory of at most 167 bytes, without ';' and control characters, or nothing",
    .value = {"DIR", VALUE_DIRECTORY}};
const struct setting_kind kind_socket = {parse_socket, print_text, SETTINGS_SOCKET_LEN,
                                         "a path of at most 107 bytes, without ';' and control characters",
                                         .value = {"PATH", VALUE_FILE}};
const struct setting_kind kind_group = {parse_word, print_text, SETTINGS_STRING_LEN, "the name or number of a group",
                                        .value = {"GROUP", VALUE_GROUP}};
const struct setting_kind kind_bool = {parse_yes_no, print_bool, sizeof(bool), "yes or no",
                                       .value = {.words = "yes|no"}};
const struct setting_kind kind_backend = {parse_backend, print_backend, sizeof(enum load_backend), "auto, bpf or nft",
                                          .value = {.words = "auto|bpf|nft"}};
const struct setting_kind kind_netfilter = {parse_netfilter, print_netfilter, sizeof(enum load_netfilter),
                                            "auto, link, nft, legacy or off",
                                            .value = {.words = "auto|link|nft|legacy|off"}};
const struct setting_kind kind_counters = {parse_counters, print_counters, sizeof(bool), "shared or percpu",
                                           .value = {.words = "shared|percpu"}};
const struct setting_kind kind_bad_policy = {parse_bad_policy, print_bad_policy, sizeof(enum load_bad_policy),
                                             "keep, closed or open", .value = {.words = "keep|closed|open"}};
const struct setting_kind kind_ranges = {parse_ranges, print_ranges, sizeof(struct settings_ranges),
                                         "at most 8 ranges FIRST-LAST, FIRST- or UID, joined by commas",
                                         .value = {"RANGES"}};
const struct setting_kind kind_uids = {
    parse_uids, print_uids, sizeof(struct settings_uids),
    "at most 32 users as UIDs or names, joined by commas, of at most 172 bytes as UIDs, or nothing", .value = {"LIST"}};
const struct setting_kind kind_number = {parse_number, print_number, sizeof(uint32_t), "a number from 0 to 4294967295",
                                         .value = {"N"}};
const struct setting_kind kind_entries = {parse_entries, print_number, sizeof(uint32_t),
                                          "a number from 1 to 2147483648", .value = {"N"}};
