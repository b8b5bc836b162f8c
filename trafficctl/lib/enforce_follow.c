/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "enforce.h"
#include "execute.h"
#include "ifaces.h"
#include "image.h"
#include "plan.h"
#include "translate.h"

struct following {
    const struct enforce *enforce;
    const struct policy *policy;
    struct ifaces ifaces; /* now */
};

static bool is_gone(const struct following *following, uint32_t number)
{
    return number != TCTL_ANY_IFACE && !ifaces_name(&following->ifaces, number);
}

/* Was this its name until now? Numbers whose old name is not known were renamed by nobody. */
static bool was_called(const struct following *following, uint32_t number, const char *name)
{
    char old[TCTL_IFNAME_LEN] = "";
    const char *new = ifaces_name(&following->ifaces, number);
    if (!new || bpf_map_lookup_elem(following->enforce->names, &number, old) < 0)
        return false;
    return strncmp(old, name, sizeof(old)) == 0 && strcmp(new, name) != 0;
}

static const char *iface_of(const struct policy *policy, uint32_t uid)
{
    for (size_t i = 0; i < policy->iface_count; i++) {
        if (policy->ifaces[i].uid == uid)
            return policy->ifaces[i].iface;
    }
    return "";
}

/* The rule was for the name. */
static bool has_lost_rule(const struct following *following, const struct image_row *rule)
{
    const char *name = iface_of(following->policy, rule->key);
    return *name && was_called(following, (uint32_t)rule->value, name);
}

static bool has_lost_mark(const struct following *following, uint32_t number)
{
    const struct policy *policy = following->policy;
    for (size_t i = 0; i < policy->metered_count; i++) {
        if (was_called(following, number, policy->metered[i]))
            return true;
    }
    return false;
}

static void forget_numbers(const struct following *following, struct image *image)
{
    struct image_rows *rules = &image->maps[IMAGE_IFACES], *marks = &image->maps[IMAGE_METERED];
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (is_gone(following, (uint32_t)rules->rows[i].value) || has_lost_rule(following, &rules->rows[i]))
            rules->rows[i].value = TCTL_NO_IFACE;
    }
    for (size_t i = 0; i < marks->count; i++) {
        if (!is_gone(following, marks->rows[i].key) && !has_lost_mark(following, marks->rows[i].key))
            marks->rows[kept++] = marks->rows[i];
    }
    marks->count = kept;
}

/* Only what waits for an interface: any other number is somebody's wish, and an interface that is there. */
static int find_numbers(const struct following *following, struct image *image)
{
    const struct policy *policy = following->policy;
    int r = 0;
    for (size_t i = 0; i < policy->iface_count && r == 0; i++) {
        const struct policy_iface *rule = &policy->ifaces[i];
        const struct image_row *row = image_find(image, IMAGE_IFACES, rule->uid);
        uint32_t number = translate_iface(&following->ifaces, rule->iface);
        if (image_lists(image, TCTL_IFACE_RULE, rule->uid) && (!row || row->value == TCTL_NO_IFACE) && *rule->iface &&
            number != TCTL_NO_IFACE)
            r = image_put(image, IMAGE_IFACES, rule->uid, number);
    }
    for (size_t i = 0; i < policy->metered_count && r == 0; i++) {
        uint32_t number = ifaces_number(&following->ifaces, policy->metered[i]);
        if (number && !image_find(image, IMAGE_METERED, number))
            r = image_put(image, IMAGE_METERED, number, 1);
    }
    return r;
}

static void following_done(struct following *following)
{
    ifaces_done(&following->ifaces);
}

int enforce_follow(const struct enforce *enforce, const struct policy *policy)
{
    _cleanup_(image_done) struct image from = {0}, to = {0};
    _cleanup_(following_done) struct following following = {.enforce = enforce, .policy = policy};
    struct fault unsaid;
    int r = image_read(enforce, &from);
    if (r == 0)
        r = image_copy(&from, &to);
    if (r == 0)
        r = ifaces_list(&following.ifaces);
    if (r < 0)
        return r;
    forget_numbers(&following, &to);
    r = find_numbers(&following, &to);
    return r < 0 ? r : enforce_step(enforce, &from, &to, &unsaid);
}
