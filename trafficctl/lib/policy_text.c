/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "policy_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chains.h"
#include "cleanup.h"
#include "parse.h"

#define FIRST_LINE "trafficctl policy 1"
#define LAST_LINE "end"
#define ANY_IFACE "any"

/* What the kernel's dev_valid_name() asks for (0xA0 is a blank to it), and that a line can hold it. */
static bool is_iface_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= TCTL_IFNAME_LEN || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte <= ' ' || byte == 0x7F || byte == 0xA0 || byte == '/' || byte == ':')
            return false;
    }
    return strcmp(name, ANY_IFACE) != 0;
}

/* A rule and where it was found. All of them are put into order at the end, so that any order takes the same time. */
struct row {
    uint32_t reason; /* enum tctl_reason; METERED */
    uint32_t uid;
    char iface[TCTL_IFNAME_LEN];
    uint32_t line;
};
#define METERED TCTL_REASONS

struct parser {
    const char *name;
    struct fault *fault;
    uint32_t line;
    bool ended;
    uint32_t switched;
    struct row *rows;
    size_t count, room;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct parser *parser, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    return fault_set(parser->fault, -EBADMSG, "%s:%u: %s", parser->name, parser->line, why);
}

static int add_row(struct parser *parser, uint32_t reason, uint32_t uid, const char *iface)
{
    if (parser->count == parser->room) {
        size_t room = parser->room ? parser->room * 2 : 64;
        struct row *grown = reallocarray(parser->rows, room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        parser->rows = grown;
        parser->room = room;
    }
    struct row *row = &parser->rows[parser->count++];
    *row = (struct row){.reason = reason, .uid = uid, .line = parser->line};
    strcpy(row->iface, iface);
    return 0;
}

static int read_chain(const struct parser *parser, const char *word, uint32_t *ret_chain)
{
    return chains_find(word, ret_chain) == 0 ? 0 : refuse(parser, "there is no chain '%s'", word);
}

static int read_uid(const struct parser *parser, const char *word, uint32_t *ret_uid)
{
    if (word[strspn(word, "0123456789")] || (*word == '0' && word[1]) || parse_u32(word, ret_uid) < 0)
        return refuse(parser, "'%s' is not a UID in decimal", word);
    if (*ret_uid == TCTL_CHAIN_SWITCH)
        return refuse(parser, "%s is no UID: it is the key of the chain switches", word);
    return 0;
}

static int read_enable(struct parser *parser, char **words)
{
    uint32_t chain = 0;
    int r = read_chain(parser, words[1], &chain);
    if (r < 0)
        return r;
    if (parser->switched & TCTL_BIT(chain))
        return refuse(parser, "%s is enabled by another line already", words[1]);
    parser->switched |= TCTL_BIT(chain);
    return 0;
}

static int read_listed(struct parser *parser, char **words)
{
    uint32_t chain = 0, uid = 0;
    int r = read_chain(parser, words[1], &chain);
    if (r == 0)
        r = read_uid(parser, words[2], &uid);
    if (r < 0)
        return r;
    bool allows = TCTL_ALLOW_LISTS & TCTL_BIT(chain);
    if (allows != (strcmp(words[0], "allow") == 0))
        return refuse(parser, "%s is %s: write '%s %s %u', or nothing if the UID is not on the list", words[1],
                      allows ? "an allow list" : "a deny list", allows ? "allow" : "deny", words[1], uid);
    return add_row(parser, chain, uid, "");
}

static int read_iif(struct parser *parser, char **words)
{
    uint32_t uid = 0;
    int r = read_uid(parser, words[1], &uid);
    if (r < 0)
        return r;
    bool any = strcmp(words[2], ANY_IFACE) == 0;
    if (!any && !is_iface_name(words[2]))
        return refuse(parser, "'%s' cannot be the name of an interface", words[2]);
    return add_row(parser, TCTL_IFACE_RULE, uid, any ? "" : words[2]);
}

static int read_lockdown(struct parser *parser, char **words)
{
    uint32_t uid = 0;
    int r = read_uid(parser, words[1], &uid);
    return r < 0 ? r : add_row(parser, TCTL_LOCKDOWN, uid, "");
}

static int read_metered(struct parser *parser, char **words)
{
    if (!is_iface_name(words[1]))
        return refuse(parser, "'%s' cannot be the name of an interface", words[1]);
    return add_row(parser, METERED, 0, words[1]);
}

#define MAX_WORDS 3
static const struct rule {
    const char *word;
    int words;
    const char *form;
    int (*read)(struct parser *parser, char **words);
} rules[] = {
    {"enable", 2, "enable CHAIN", read_enable},     {"allow", 3, "allow CHAIN UID", read_listed},
    {"deny", 3, "deny CHAIN UID", read_listed},     {"iif", 3, "iif UID IFACE|any", read_iif},
    {"lockdown", 2, "lockdown UID", read_lockdown}, {"metered", 2, "metered IFACE", read_metered},
};

/* Changes line. */
static int read_rule(struct parser *parser, char *line)
{
    char *words[MAX_WORDS] = {NULL}, *rest = line;
    int count = 0;
    while (rest && count < MAX_WORDS) {
        words[count] = strsep(&rest, " ");
        if (!*words[count++])
            return refuse(parser, "a blank too many");
    }
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        if (strcmp(words[0], rules[i].word) != 0)
            continue;
        if (rest || count != rules[i].words)
            return refuse(parser, "write '%s'", rules[i].form);
        return rules[i].read(parser, words);
    }
    return refuse(parser, "there is no rule '%s'", words[0]);
}

static int read_line(struct parser *parser, char *line)
{
    if (parser->line == 1)
        return strcmp(line, FIRST_LINE) == 0 ? 0 : refuse(parser, "the first line is not '" FIRST_LINE "'");
    if (parser->ended)
        return refuse(parser, "there is something behind the line '" LAST_LINE "'");
    parser->ended = strcmp(line, LAST_LINE) == 0;
    return parser->ended || *line == '\0' || *line == '#' ? 0 : read_rule(parser, line);
}

/* What no text editor would show. */
static int check_bytes(const struct parser *parser, const char *line, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)line[i];
        if (byte == '\0')
            return refuse(parser, "a NUL byte: this is not a text");
        if (byte == '\r')
            return refuse(parser, "a carriage return: end lines with a newline alone");
        if (byte < ' ' || byte == 0x7F)
            return refuse(parser, "byte 0x%02X: no control characters, please", byte);
    }
    return 0;
}

/* The line that *text begins with, without its newline; *text goes on to the next. */
static int take_line(struct parser *parser, const char **text, const char *end, char *line)
{
    const char *newline = memchr(*text, '\n', (size_t)(end - *text));
    size_t bytes = (size_t)((newline ? newline : end) - *text);

    parser->line++;
    if (bytes > POLICY_TEXT_LINE)
        return refuse(parser, "longer than %d bytes", POLICY_TEXT_LINE);
    int r = check_bytes(parser, *text, bytes);
    if (r < 0)
        return r;
    if (!newline)
        return refuse(parser, "ends without a newline: the file was cut off");
    memcpy(line, *text, bytes);
    line[bytes] = '\0';
    *text = newline + 1;
    return 0;
}

static int read_lines(struct parser *parser, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end) {
        char line[POLICY_TEXT_LINE + 1] = "";
        int r = take_line(parser, &text, end, line);
        if (r == 0)
            r = read_line(parser, line);
        if (r < 0)
            return r;
    }
    if (parser->ended)
        return 0;
    parser->line += parser->line == 0;
    return refuse(parser, "no line '" LAST_LINE "' follows: the file was cut off");
}

/* Of two rules on the same the one that was found first comes first. */
static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->reason != y->reason)
        return x->reason < y->reason ? -1 : 1;
    if (x->uid != y->uid)
        return x->uid < y->uid ? -1 : 1;
    int names = x->reason == METERED ? strcmp(x->iface, y->iface) : 0;
    return names ? names : (x->line > y->line) - (x->line < y->line);
}

static bool are_on_the_same(const struct row *a, const struct row *b)
{
    return a->reason == b->reason && a->uid == b->uid && (a->reason != METERED || strcmp(a->iface, b->iface) == 0);
}

static int sort_rows(struct parser *parser)
{
    bool sorted = true;
    for (size_t i = 1; i < parser->count && sorted; i++)
        sorted = compare_rows(&parser->rows[i - 1], &parser->rows[i]) < 0;
    if (!sorted)
        qsort(parser->rows, parser->count, sizeof(*parser->rows), compare_rows);
    for (size_t i = 1; i < parser->count; i++) {
        if (are_on_the_same(&parser->rows[i - 1], &parser->rows[i])) {
            parser->line = parser->rows[i].line;
            return refuse(parser, "the rule of line %u again", parser->rows[i - 1].line);
        }
    }
    return 0;
}

/* Rows are in order, and so everything goes to an end. */
static int put_row(struct policy *policy, const struct row *row)
{
    switch (row->reason) {
    case METERED:
        return policy_set_metered(policy, row->iface, true);
    case TCTL_IFACE_RULE:
        return policy_set_iface(policy, row->uid, row->iface);
    case TCTL_LOCKDOWN:
        return policy_uids_set(&policy->lockdown, row->uid, true);
    default:
        return policy_uids_set(&policy->listed[row->reason], row->uid, true);
    }
}

static int make_policy(const struct parser *parser, struct policy *ret_policy)
{
    struct policy policy = {.switched = parser->switched};
    int r = 0;
    for (size_t i = 0; i < parser->count && r == 0; i++)
        r = put_row(&policy, &parser->rows[i]);
    if (r < 0) {
        policy_done(&policy);
        return r;
    }
    *ret_policy = policy;
    return 0;
}

int policy_text_parse(const char *name, const char *text, size_t length, struct policy *ret_policy, struct fault *fault)
{
    struct parser parser = {.name = name, .fault = fault};
    int r = read_lines(&parser, text, length);
    if (r == 0)
        r = sort_rows(&parser);
    if (r == 0)
        r = make_policy(&parser, ret_policy);
    free(parser.rows);
    return r;
}

static int print_uids(FILE *file, const char *rule, const struct policy_uids *list, struct fault *fault)
{
    if (policy_uids_has(list, TCTL_CHAIN_SWITCH))
        return fault_set(fault, -EINVAL, "a rule of UID %u cannot be saved: it is no UID", TCTL_CHAIN_SWITCH);
    for (size_t i = 0; i < list->count; i++)
        fprintf(file, "%s %u\n", rule, list->uids[i]);
    return 0;
}

static int print_chains(FILE *file, const struct policy *policy, struct fault *fault)
{
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        if (policy->switched & TCTL_BIT(chain))
            fprintf(file, "enable %s\n", chains_names[chain]);
    }
    int r = 0;
    for (uint32_t chain = 1; chain < TCTL_CHAINS && r == 0; chain++) {
        char rule[64];
        bool allows = TCTL_ALLOW_LISTS & TCTL_BIT(chain);
        snprintf(rule, sizeof(rule), "%s %s", allows ? "allow" : "deny", chains_names[chain]);
        r = print_uids(file, rule, &policy->listed[chain], fault);
    }
    return r;
}

static int refuse_name(const char *name, struct fault *fault)
{
    return fault_set(fault, -EINVAL, "a rule of interface '%s' cannot be saved: such a name cannot be written down",
                     name);
}

static int print_ifaces(FILE *file, const struct policy *policy, struct fault *fault)
{
    for (size_t i = 0; i < policy->iface_count; i++) {
        const struct policy_iface *rule = &policy->ifaces[i];
        if (rule->uid == TCTL_CHAIN_SWITCH)
            return fault_set(fault, -EINVAL, "a rule of UID %u cannot be saved: it is no UID", rule->uid);
        if (*rule->iface && !is_iface_name(rule->iface))
            return refuse_name(rule->iface, fault);
        fprintf(file, "iif %u %s\n", rule->uid, *rule->iface ? rule->iface : ANY_IFACE);
    }
    return 0;
}

static int print_metered(FILE *file, const struct policy *policy, struct fault *fault)
{
    for (size_t i = 0; i < policy->metered_count; i++) {
        if (!is_iface_name(policy->metered[i]))
            return refuse_name(policy->metered[i], fault);
        fprintf(file, "metered %s\n", policy->metered[i]);
    }
    return 0;
}

int policy_text_print(const struct policy *policy, char **ret_text, size_t *ret_length, struct fault *fault)
{
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return -ENOMEM;
    fprintf(file, FIRST_LINE "\n");
    int r = print_chains(file, policy, fault);
    if (r == 0)
        r = print_ifaces(file, policy, fault);
    if (r == 0)
        r = print_uids(file, "lockdown", &policy->lockdown, fault);
    if (r == 0)
        r = print_metered(file, policy, fault);
    fprintf(file, LAST_LINE "\n");
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return r < 0 ? r : -ENOMEM;
    if (r < 0)
        return r;
    *ret_text = TAKE_PTR(text);
    *ret_length = length;
    return 0;
}
