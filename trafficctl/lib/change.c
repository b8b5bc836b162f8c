/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "change.h"

#include <errno.h>

void change_done(struct change *change)
{
    policy_uids_done(&change->uids);
    *change = (struct change){0};
}

bool change_makes_rules(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_LIST:
        return change->edit != IMAGE_TAKE;
    case CHANGE_IFACE:
        return change->iface;
    default:
        return false;
    }
}

static struct policy_uids *list_of(struct policy *policy, uint32_t chain)
{
    return chain == TCTL_LOCKDOWN ? &policy->lockdown : &policy->listed[chain];
}

static int edit_policy(const struct change *change, struct policy *policy)
{
    struct policy_uids *list = list_of(policy, change->chain);
    if (change->edit == IMAGE_REPLACE)
        return policy_uids_replace(list, change->uids.uids, change->uids.count);
    int r = 0;
    for (size_t i = 0; i < change->uids.count && r == 0; i++)
        r = policy_uids_set(list, change->uids.uids[i], change->edit == IMAGE_ADD);
    return r;
}

int change_policy(const struct change *change, struct policy *policy)
{
    const uint32_t bit = TCTL_BIT(change->chain);
    switch (change->kind) {
    case CHANGE_SWITCH:
        policy->switched = change->on ? policy->switched | bit : policy->switched & ~bit;
        return 0;
    case CHANGE_LIST:
        return edit_policy(change, policy);
    case CHANGE_IFACE:
        return policy_set_iface(policy, change->uids.uids[0], change->iface);
    case CHANGE_METERED:
        return policy_set_metered(policy, change->iface, change->on);
    }
    return -EINVAL;
}

static int set_iface(const struct change *change, struct image *image)
{
    uint32_t uid = change->uids.uids[0];
    int r = image_edit(image, TCTL_IFACE_RULE, &change->uids, change->iface ? IMAGE_ADD : IMAGE_TAKE);
    if (r == 0 && change->iface)
        return image_put(image, IMAGE_IFACES, uid, change->number);
    image_remove(image, IMAGE_IFACES, uid);
    return r;
}

/* A mark that is taken away while the policy asks for it leaves its row, or the next change of interfaces renewed it.
 */
static int set_mark(const struct change *change, struct image *image)
{
    const struct image_row *row = image_find(image, IMAGE_METERED, change->number);
    if (change->on)
        return row && row->value ? 0 : image_put(image, IMAGE_METERED, change->number, 1);
    if (change->runtime)
        return image_put(image, IMAGE_METERED, change->number, 0);
    image_remove(image, IMAGE_METERED, change->number);
    return 0;
}

int change_image(const struct change *change, struct image *image)
{
    const uint32_t bit = TCTL_BIT(change->chain);
    switch (change->kind) {
    case CHANGE_SWITCH:
        image->switched = change->on ? image->switched | bit : image->switched & ~bit;
        return 0;
    case CHANGE_LIST:
        return image_edit(image, change->chain, &change->uids, change->edit);
    case CHANGE_IFACE:
        return set_iface(change, image);
    case CHANGE_METERED:
        return set_mark(change, image);
    }
    return -EINVAL;
}
