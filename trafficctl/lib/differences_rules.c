/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "differences_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <firewall.bpf.h>

#include "chains.h"
#include "cleanup.h"

/* Whom the asked policy lists in a chain, in lockdown, or has an interface for. The caller's. */
static int asked_list(const struct policy *policy, uint32_t reason, struct policy_uids *ret_list)
{
    const struct policy_uids *from = reason == TCTL_LOCKDOWN ? &policy->lockdown : &policy->listed[reason];
    const size_t count = reason == TCTL_IFACE_RULE ? policy->iface_count : from->count;
    struct policy_uids list = {.uids = reallocarray(NULL, count + 1, sizeof(*list.uids)), .count = count};
    if (!list.uids)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        list.uids[i] = reason == TCTL_IFACE_RULE ? policy->ifaces[i].uid : from->uids[i];
    *ret_list = list;
    return 0;
}

/* Takes a UID that one of two lists has, or both. */
typedef void (*pair_fn)(void *context, uint32_t uid, bool asked, bool now);

static void walk(const struct policy_uids *asked, const struct policy_uids *now, pair_fn pair, void *context)
{
    for (size_t i = 0, k = 0; i < asked->count || k < now->count;) {
        bool left = i < asked->count && (k == now->count || asked->uids[i] <= now->uids[k]);
        bool right = k < now->count && (i == asked->count || now->uids[k] <= asked->uids[i]);
        pair(context, left ? asked->uids[i] : now->uids[k], left, right);
        i += left;
        k += right;
    }
}

static int walk_list(const struct comparison *comparison, uint32_t reason, pair_fn pair, void *context)
{
    _cleanup_(policy_uids_done) struct policy_uids asked = {0}, now = {0};
    int r = asked_list(comparison->asked, reason, &asked);
    if (r == 0)
        r = image_list(comparison->now, reason, &now);
    if (r == 0)
        walk(&asked, &now, pair, context);
    return r;
}

struct unlike {
    struct difference_uids missing, surplus;
};

static void note_unlike(void *context, uint32_t uid, bool asked, bool now)
{
    struct unlike *unlike = context;
    if (asked && !now)
        difference_note(&unlike->missing, uid);
    if (now && !asked)
        difference_note(&unlike->surplus, uid);
}

static int compare_list(const struct comparison *comparison, uint32_t reason)
{
    struct unlike unlike = {0};
    int r = walk_list(comparison, reason, note_unlike, &unlike);
    if (r < 0)
        return r;
    difference_add_uids(comparison->list, "listed", "not listed", chains_names[reason], &unlike.missing);
    difference_add_uids(comparison->list, "not listed", "listed", chains_names[reason], &unlike.surplus);
    return 0;
}

static void compare_switch(const struct comparison *comparison, uint32_t chain)
{
    const bool asked = comparison->asked->switched & TCTL_BIT(chain), now = comparison->now->switched & TCTL_BIT(chain);
    if (asked != now)
        difference_add(comparison->list, asked ? "on" : "off", now ? "on" : "off", "chain %s", chains_names[chain]);
}

/* Rows whose value says the same as none would: netd's writers and ours take the row away instead. */
static void find_void_rows(const struct comparison *comparison, uint32_t chain)
{
    const struct image_rows *rows = &comparison->now->maps[chain];
    const bool allows = TCTL_ALLOW_LISTS & TCTL_BIT(chain);
    struct difference_uids uids = {0};
    for (size_t i = 0; i < rows->count; i++) {
        if (!image_lists(comparison->now, chain, rows->rows[i].key))
            difference_note(&uids, rows->rows[i].key);
    }
    difference_add_uids(comparison->list, "no row",
                        allows ? "a row of value 0, which allows nothing"
                               : "a row of another value than 0, which denies nothing",
                        pins[chains_pin((enum tctl_reason)chain)].path, &uids);
}

static void find_misnamed_rows(const struct comparison *comparison, enum image_map map, const char *holds)
{
    const struct image_rows *rows = &comparison->now->maps[map];
    struct difference_uids uids = {0};
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].value & IMAGE_MISNAMED)
            difference_note(&uids, rows->rows[i].key);
    }
    difference_add_uids(comparison->list, "a row that names its UID", holds, pins[image_pin(map)].path, &uids);
}

struct unlike_ifaces {
    const struct comparison *comparison;
    struct difference_uids uids;
};

/* The interface of a rule that the maps hold; without its row nothing comes in. */
static uint32_t iface_now(const struct image *now, uint32_t uid)
{
    const struct image_row *row = image_find(now, IMAGE_IFACES, uid);
    return row && !(row->value & IMAGE_MISNAMED) ? (uint32_t)row->value : TCTL_NO_IFACE;
}

/* An interface that is not there is asked for in vain: its rule holds as long as no other one's packets come in. */
static bool is_iface(const struct comparison *comparison, const char *asked, uint32_t now)
{
    if (!*asked || now == TCTL_ANY_IFACE)
        return !*asked && now == TCTL_ANY_IFACE;
    if (!comparison->ifaces)
        return true;
    const uint32_t number = ifaces_number(comparison->ifaces, asked);
    return number ? now == number : now == TCTL_NO_IFACE || !ifaces_name(comparison->ifaces, now);
}

static void note_unlike_iface(void *context, uint32_t uid, bool asked, bool now)
{
    struct unlike_ifaces *unlike = context;
    const struct comparison *comparison = unlike->comparison;
    if (asked && now &&
        is_iface(comparison, policy_find_iface(comparison->asked, uid)->iface, iface_now(comparison->now, uid)))
        return;
    difference_note(&unlike->uids, uid);
}

static void name_iface(const struct ifaces *ifaces, uint32_t number, char *text, size_t size)
{
    const char *name = ifaces ? ifaces_name(ifaces, number) : NULL;
    if (number == TCTL_ANY_IFACE)
        snprintf(text, size, "any");
    else if (number == TCTL_NO_IFACE)
        snprintf(text, size, "none that is there");
    else if (name)
        snprintf(text, size, "%s", name);
    else
        snprintf(text, size, "#%" PRIu32, number);
}

/* The rule that a UID has, of one that differs: of the first the line says how. */
static int compare_ifaces(const struct comparison *comparison)
{
    struct unlike_ifaces unlike = {.comparison = comparison};
    char holds[TCTL_IFNAME_LEN + 16] = "no rule";
    int r = walk_list(comparison, TCTL_IFACE_RULE, note_unlike_iface, &unlike);
    if (r < 0 || unlike.uids.count == 0)
        return r;
    const uint32_t uid = unlike.uids.first;
    const struct policy_iface *asked = policy_find_iface(comparison->asked, uid);
    if (image_lists(comparison->now, TCTL_IFACE_RULE, uid))
        name_iface(comparison->ifaces, iface_now(comparison->now, uid), holds, sizeof(holds));
    difference_add_uids(comparison->list,
                        !asked          ? "no rule"
                        : *asked->iface ? asked->iface
                                        : "any",
                        holds, "iif", &unlike.uids);
    return 0;
}

static bool is_asked_metered(const struct comparison *comparison, uint32_t number)
{
    const char *name = ifaces_name(comparison->ifaces, number);
    for (size_t i = 0; name && i < comparison->asked->metered_count; i++) {
        if (strcmp(comparison->asked->metered[i], name) == 0)
            return true;
    }
    return false;
}

static void compare_metered(const struct comparison *comparison)
{
    const struct image_rows *marks = &comparison->now->maps[IMAGE_METERED];
    char name[TCTL_IFNAME_LEN + 16];
    if (!comparison->ifaces)
        return;
    for (size_t i = 0; i < comparison->asked->metered_count; i++) {
        const uint32_t number = ifaces_number(comparison->ifaces, comparison->asked->metered[i]);
        const struct image_row *mark = number ? image_find(comparison->now, IMAGE_METERED, number) : NULL;
        if (number && (!mark || !mark->value))
            difference_add(comparison->list, "metered", "not metered", "interface %s", comparison->asked->metered[i]);
    }
    for (size_t i = 0; i < marks->count; i++) {
        if (!marks->rows[i].value || is_asked_metered(comparison, marks->rows[i].key))
            continue;
        name_iface(comparison->ifaces, marks->rows[i].key, name, sizeof(name));
        difference_add(comparison->list, "not metered", "metered", "interface %s", name);
    }
}

int differences_rules(const struct comparison *comparison)
{
    int r = 0;
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS && r == 0; chain++) {
        compare_switch(comparison, chain);
        r = compare_list(comparison, chain);
    }
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE; chain++)
        find_void_rows(comparison, chain);
    find_misnamed_rows(comparison, IMAGE_RULES, "a row that names another, for which nothing passes");
    find_misnamed_rows(comparison, IMAGE_IFACES, "a row that names another, for which nothing comes in");
    if (r == 0)
        r = compare_ifaces(comparison);
    if (r == 0)
        r = compare_list(comparison, TCTL_LOCKDOWN);
    compare_metered(comparison);
    return r;
}

struct unjudged {
    const struct tctl_config *config;
    struct difference_uids uids;
};

static void note_unjudged(void *context, uint32_t uid, bool asked, bool now)
{
    struct unjudged *unjudged = context;
    (void)asked;
    (void)now;
    if (!may_judge(unjudged->config, uid))
        difference_note(&unjudged->uids, uid);
}

int differences_unjudged(const struct comparison *comparison)
{
    for (uint32_t reason = TCTL_DOZABLE; reason <= TCTL_LOCKDOWN; reason++) {
        struct unjudged unjudged = {.config = comparison->config};
        int r = walk_list(comparison, reason, note_unjudged, &unjudged);
        if (r < 0)
            return r;
        difference_add_uids(comparison->list, "judged",
                            "a system UID, which passes whatever the rule says: app_uids does not contain it",
                            chains_names[reason], &unjudged.uids);
    }
    return 0;
}
