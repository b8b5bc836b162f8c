/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "translate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

uint32_t translate_iface(const struct ifaces *ifaces, const char *name)
{
    uint32_t number = *name ? ifaces_number(ifaces, name) : TCTL_ANY_IFACE;
    return *name && !number ? TCTL_NO_IFACE : number;
}

static int set_lists(const struct policy *policy, struct image *image)
{
    int r = 0;
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS && r == 0; chain++)
        r = image_edit(image, chain, &policy->listed[chain], IMAGE_REPLACE);
    return r < 0 ? r : image_edit(image, TCTL_LOCKDOWN, &policy->lockdown, IMAGE_REPLACE);
}

static int set_ifaces(const struct policy *policy, const struct ifaces *ifaces, struct image *image)
{
    _cleanup_free_ uint32_t *uids = reallocarray(NULL, policy->iface_count + 1, sizeof(*uids));
    if (!uids)
        return -ENOMEM;
    int r = 0;
    for (size_t i = 0; i < policy->iface_count && r == 0; i++) {
        uids[i] = policy->ifaces[i].uid;
        r = image_put(image, IMAGE_IFACES, uids[i], translate_iface(ifaces, policy->ifaces[i].iface));
    }
    const struct policy_uids ruled = {.uids = uids, .count = policy->iface_count};
    return r < 0 ? r : image_edit(image, TCTL_IFACE_RULE, &ruled, IMAGE_REPLACE);
}

static int set_marks(const struct policy *policy, const struct ifaces *ifaces, struct image *image)
{
    int r = 0;
    for (size_t i = 0; i < policy->metered_count && r == 0; i++) {
        uint32_t number = ifaces_number(ifaces, policy->metered[i]);
        if (number)
            r = image_put(image, IMAGE_METERED, number, 1);
    }
    return r;
}

int translate_to_image(const struct policy *policy, const struct ifaces *ifaces, struct image *ret_image)
{
    _cleanup_(image_done) struct image image = {.switched = policy->switched};
    int r = set_lists(policy, &image);
    if (r == 0)
        r = set_ifaces(policy, ifaces, &image);
    if (r == 0)
        r = set_marks(policy, ifaces, &image);
    if (r < 0)
        return r;
    *ret_image = image;
    image = (struct image){0};
    return 0;
}

static void write_name(const struct ifaces *ifaces, uint32_t number, char ret_name[static TCTL_IFNAME_LEN])
{
    const char *name = ifaces_name(ifaces, number);
    if (name)
        snprintf(ret_name, TCTL_IFNAME_LEN, "%s", name);
    else
        snprintf(ret_name, TCTL_IFNAME_LEN, TRANSLATE_NAMELESS, number == TCTL_NO_IFACE ? 0 : number);
}

static int get_lists(const struct image *image, struct policy *policy)
{
    int r = 0;
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS && r == 0; chain++)
        r = image_list(image, chain, &policy->listed[chain]);
    return r < 0 ? r : image_list(image, TCTL_LOCKDOWN, &policy->lockdown);
}

/* A rule without a row lets nothing in: the programs say so. */
static int get_ifaces(const struct image *image, const struct ifaces *ifaces, struct policy *policy)
{
    const struct image_rows *rows = &image->maps[IMAGE_RULES];
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        uint32_t uid = rows->rows[i].key;
        const struct image_row *row = image_find(image, IMAGE_IFACES, uid);
        char name[TCTL_IFNAME_LEN] = "";
        if (!image_lists(image, TCTL_IFACE_RULE, uid))
            continue;
        if (!row || (uint32_t)row->value != TCTL_ANY_IFACE)
            write_name(ifaces, row ? (uint32_t)row->value : TCTL_NO_IFACE, name);
        r = policy_set_iface(policy, uid, name);
    }
    return r;
}

static int get_marks(const struct image *image, const struct ifaces *ifaces, struct policy *policy)
{
    const struct image_rows *rows = &image->maps[IMAGE_METERED];
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        char name[TCTL_IFNAME_LEN];
        if (!rows->rows[i].value)
            continue;
        write_name(ifaces, rows->rows[i].key, name);
        r = policy_set_metered(policy, name, true);
    }
    return r;
}

int translate_to_policy(const struct image *image, const struct ifaces *ifaces, struct policy *ret_policy)
{
    _cleanup_(policy_done) struct policy policy = {.switched = image->switched & (TCTL_BIT(TCTL_CHAINS) - 1)};
    int r = get_lists(image, &policy);
    if (r == 0)
        r = get_ifaces(image, ifaces, &policy);
    if (r == 0)
        r = get_marks(image, ifaces, &policy);
    if (r < 0)
        return r;
    *ret_policy = policy;
    policy = (struct policy){0};
    return 0;
}
