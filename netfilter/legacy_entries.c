/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy_entries.h"

#include <errno.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_bpf.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>
#include <sys/socket.h>

#include "legacy_text.h"

#define WILDCARD "ipsec+"

/* What differs between the entries of the two families: offsets in bytes. */
struct shape {
    size_t entry, header; /* sizes; the header comes first and says which packets */
    size_t target_offset, next_offset;
    size_t in_name, in_mask, out_name, out_mask;
};

static const struct shape shape4 = {
    sizeof(struct ipt_entry),
    sizeof(struct ipt_ip),
    offsetof(struct ipt_entry, target_offset),
    offsetof(struct ipt_entry, next_offset),
    offsetof(struct ipt_ip, iniface),
    offsetof(struct ipt_ip, iniface_mask),
    offsetof(struct ipt_ip, outiface),
    offsetof(struct ipt_ip, outiface_mask),
};

static const struct shape shape6 = {
    sizeof(struct ip6t_entry),
    sizeof(struct ip6t_ip6),
    offsetof(struct ip6t_entry, target_offset),
    offsetof(struct ip6t_entry, next_offset),
    offsetof(struct ip6t_ip6, iniface),
    offsetof(struct ip6t_ip6, iniface_mask),
    offsetof(struct ip6t_ip6, outiface),
    offsetof(struct ip6t_ip6, outiface_mask),
};

#define HEADER_MAX (sizeof(struct ip6t_ip6) > sizeof(struct ipt_ip) ? sizeof(struct ip6t_ip6) : sizeof(struct ipt_ip))

struct table {
    const struct legacy_blob *blob;
    const struct shape *shape;
    const struct legacy_wanted *wanted;
};

/* One entry, with lengths that were checked. */
struct rule {
    const uint8_t *at;
    size_t matches;     /* bytes of matches behind the entry */
    size_t target_size; /* of the target behind the matches */
    size_t next;        /* offset in the table */
};

static uint16_t half_at(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static const uint8_t *target_of(const struct table *table, const struct rule *rule)
{
    return rule->at + table->shape->entry + rule->matches;
}

static int read_rule(const struct table *table, size_t offset, struct rule *ret)
{
    const struct shape *shape = table->shape;
    const size_t size = table->blob->size;
    if (offset > size || size - offset < shape->entry)
        return -EBADMSG;
    struct rule rule = {.at = (const uint8_t *)table->blob->entries + offset};
    const size_t target = half_at(rule.at + shape->target_offset), next = half_at(rule.at + shape->next_offset);
    if (target < shape->entry || next < target + sizeof(struct xt_entry_target) || next > size - offset)
        return -EBADMSG;
    rule.matches = target - shape->entry;
    rule.next = offset + next;
    rule.target_size = half_at(target_of(table, &rule));
    if (rule.target_size < sizeof(struct xt_entry_target) || rule.target_size > next - target)
        return -EBADMSG;
    *ret = rule;
    return 0;
}

static bool is_target(const struct table *table, const struct rule *rule, const char *name, size_t size)
{
    const uint8_t *at = target_of(table, rule) + offsetof(struct xt_entry_target, u.user.name);
    return rule->target_size >= size && !strncmp((const char *)at, name, XT_EXTENSION_MAXNAMELEN);
}

/* The entry before a chain's first rule, and after the last chain. */
static bool is_head(const struct table *table, const struct rule *rule)
{
    return is_target(table, rule, XT_ERROR_TARGET, sizeof(struct xt_error_target));
}

static bool is_head_of(const struct table *table, const struct rule *rule, const char *chain)
{
    const uint8_t *name = target_of(table, rule) + offsetof(struct xt_error_target, errorname);
    return is_head(table, rule) && !strncmp((const char *)name, chain, XT_FUNCTION_MAXNAMELEN);
}

static bool has_verdict(const struct table *table, const struct rule *rule, int wanted)
{
    int verdict;
    if (!is_target(table, rule, XT_STANDARD_TARGET, sizeof(struct xt_standard_target)))
        return false;
    memcpy(&verdict, target_of(table, rule) + offsetof(struct xt_standard_target, verdict), sizeof(verdict));
    return verdict == wanted;
}

static bool jumps_to(const struct table *table, const struct rule *rule, size_t offset)
{
    return offset <= INT32_MAX && has_verdict(table, rule, (int)offset);
}

/* Of packets of one interface; NULL: of all. The byte of '+' is in no mask. */
static bool is_for(const struct table *table, const struct rule *rule, const char *interface)
{
    const struct shape *shape = table->shape;
    const bool in = table->wanted->place->in;
    uint8_t expected[HEADER_MAX] = {0}, found[HEADER_MAX];
    memcpy(found, rule->at, shape->header);
    if (interface) {
        const size_t name = in ? shape->in_name : shape->out_name, mask = in ? shape->in_mask : shape->out_mask;
        const size_t length = strlen(interface);
        const bool wildcard = length > 0 && interface[length - 1] == '+';
        memcpy(expected + name, interface, length);
        memset(expected + mask, 0xFF, wildcard ? length - 1 : length + 1);
    }
    return !memcmp(found, expected, shape->header);
}

/* The next match from *offset on, if it is of that name and revision and has so many bytes. NULL: it is not. */
static const uint8_t *match_at(const struct table *table, const struct rule *rule, size_t *offset,
                               const struct xt_get_revision *which, size_t size)
{
    const uint8_t *at = rule->at + table->shape->entry + *offset;
    const size_t rest = rule->matches - *offset;
    if (rest < sizeof(struct xt_entry_match))
        return NULL;
    const size_t length = half_at(at);
    if (length < sizeof(struct xt_entry_match) + size || length > rest)
        return NULL;
    if (strncmp((const char *)at + offsetof(struct xt_entry_match, u.user.name), which->name,
                XT_EXTENSION_MAXNAMELEN) != 0 ||
        at[offsetof(struct xt_entry_match, u.user.revision)] != which->revision)
        return NULL;
    *offset += length;
    return at + sizeof(struct xt_entry_match);
}

static bool is_zero(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((const uint8_t *)bytes)[i] != 0)
            return false;
    return true;
}

/* "--dir in --pol ipsec" and nothing else: iptables writes one element that asks for nothing. */
static bool is_of_ipsec(const struct xt_policy_info *info, bool in)
{
    return info->flags == (in ? XT_POLICY_MATCH_IN : XT_POLICY_MATCH_OUT) && info->len <= 1 &&
           is_zero(info->pol, sizeof(info->pol));
}

static bool is_policy(const struct table *table, const struct rule *rule)
{
    static const struct xt_get_revision policy = {.name = "policy"};
    size_t offset = 0;
    struct xt_policy_info info;
    const uint8_t *data = match_at(table, rule, &offset, &policy, sizeof(info));
    if (!data || offset != rule->matches || !is_for(table, rule, NULL) || !has_verdict(table, rule, XT_RETURN))
        return false;
    memcpy(&info, data, sizeof(info));
    return is_of_ipsec(&info, table->wanted->place->in);
}

static bool returns_interface(const struct table *table, const struct rule *rule, const char *interface)
{
    return rule->matches == 0 && is_for(table, rule, interface) && has_verdict(table, rule, XT_RETURN);
}

/* *offset becomes the one behind the match. */
static bool is_program(const struct table *table, const struct rule *rule, size_t *offset)
{
    static const struct xt_get_revision bpf = {.name = "bpf", .revision = 1};
    struct xt_bpf_info_v1 info;
    const uint8_t *data = match_at(table, rule, offset, &bpf, sizeof(info));
    if (!data || !is_for(table, rule, NULL) || !jumps_to(table, rule, rule->next))
        return false;
    memcpy(&info, data, sizeof(info));
    return info.mode == XT_BPF_MODE_PATH_PINNED && !strncmp(info.path, table->wanted->path, sizeof(info.path));
}

static bool has_comment(const struct table *table, const struct rule *rule, size_t offset, const char *text)
{
    static const struct xt_get_revision comment = {.name = "comment"};
    const uint8_t *data = match_at(table, rule, &offset, &comment, XT_MAX_COMMENT_LEN);
    return data && offset == rule->matches && !strncmp((const char *)data, text, XT_MAX_COMMENT_LEN);
}

/* The rule of the program says which one it is, or else the rule behind it does. *rule becomes the last one read. */
static bool says_program(const struct table *table, struct rule *rule, bool policy)
{
    char comment[LEGACY_COMMENT_LEN], marker[LEGACY_MARKER_LEN];
    size_t offset = 0;
    if (!is_program(table, rule, &offset))
        return false;
    legacy_comment(table->wanted->program, policy, comment);
    legacy_marker(table->wanted->program, policy, marker);
    if (offset < rule->matches)
        return has_comment(table, rule, offset, comment);
    return read_rule(table, rule->next, rule) == 0 && returns_interface(table, rule, marker);
}

static bool is_end(const struct table *table, const struct rule *rule)
{
    struct rule after;
    return rule->matches == 0 && is_for(table, rule, NULL) && has_verdict(table, rule, XT_RETURN) &&
           read_rule(table, rule->next, &after) == 0 && is_head(table, &after);
}

/* The chain's rules are those of legacy_text_put(), no more and no less. */
static bool runs(const struct table *table, size_t start)
{
    struct rule rule;
    if (read_rule(table, start, &rule) < 0)
        return false;
    const bool policy = is_policy(table, &rule);
    if (policy && read_rule(table, rule.next, &rule) < 0)
        return false;
    return returns_interface(table, &rule, WILDCARD) && read_rule(table, rule.next, &rule) == 0 &&
           says_program(table, &rule, policy) && read_rule(table, rule.next, &rule) == 0 && is_end(table, &rule);
}

static bool is_empty(const struct table *table, size_t start)
{
    struct rule rule;
    return read_rule(table, start, &rule) == 0 && is_end(table, &rule);
}

/* Offset of the chain's first rule; 0, which is a built-in chain's: there is none. */
static int find_chain(const struct table *table, size_t *ret_start)
{
    struct rule rule;
    size_t start = 0;
    for (size_t offset = 0; offset < table->blob->size; offset = rule.next) {
        int r = read_rule(table, offset, &rule);
        if (r < 0)
            return r;
        if (is_head_of(table, &rule, table->wanted->place->chain))
            start = rule.next;
    }
    *ret_start = start;
    return 0;
}

static void count_jumps(const struct table *table, size_t start, struct legacy_found *found)
{
    struct rule rule;
    const struct legacy_blob *blob = table->blob;
    for (size_t offset = 0; offset < blob->size && read_rule(table, offset, &rule) == 0; offset = rule.next) {
        if (is_head(table, &rule) || !jumps_to(table, &rule, start))
            continue;
        const bool from_hook = offset >= blob->first && offset < blob->policy;
        if (from_hook && rule.matches == 0 && is_for(table, &rule, NULL))
            found->jumps++;
        else
            found->referenced = true;
    }
}

int legacy_entries_find(const struct legacy_blob *blob, const struct legacy_wanted *wanted, struct legacy_found *ret)
{
    const struct table table = {blob, wanted->place->family == AF_INET ? &shape4 : &shape6, wanted};
    struct legacy_found found = {0};
    size_t start;
    int r = find_chain(&table, &start);
    if (r < 0)
        return r;
    if (start > 0) {
        found.chain = true;
        found.empty = is_empty(&table, start);
        found.runs = wanted->path && runs(&table, start);
        count_jumps(&table, start, &found);
    }
    *ret = found;
    return 0;
}
