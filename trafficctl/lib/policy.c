/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

void policy_uids_done(struct policy_uids *list)
{
    free(list->uids);
    *list = (struct policy_uids){0};
}

void policy_done(struct policy *policy)
{
    for (size_t chain = 0; chain < ARRAY_SIZE(policy->listed); chain++)
        policy_uids_done(&policy->listed[chain]);
    policy_uids_done(&policy->lockdown);
    free(policy->ifaces);
    free(policy->metered);
    *policy = (struct policy){0};
}

/* *ret is NULL where there is nothing to copy. */
static int copy_array(const void *from, size_t count, size_t size, void **ret)
{
    void *copy = count ? reallocarray(NULL, count, size) : NULL;
    if (count && !copy)
        return -ENOMEM;
    if (count)
        memcpy(copy, from, count * size);
    *ret = copy;
    return 0;
}

static int uids_copy(const struct policy_uids *list, struct policy_uids *ret)
{
    int r = copy_array(list->uids, list->count, sizeof(*list->uids), (void **)&ret->uids);
    if (r == 0)
        ret->count = ret->room = list->count;
    return r;
}

static int copy_ifaces(const struct policy *policy, struct policy *copy)
{
    int r = copy_array(policy->ifaces, policy->iface_count, sizeof(*policy->ifaces), (void **)&copy->ifaces);
    if (r < 0)
        return r;
    copy->iface_count = policy->iface_count;
    r = copy_array(policy->metered, policy->metered_count, sizeof(*policy->metered), (void **)&copy->metered);
    if (r == 0)
        copy->metered_count = policy->metered_count;
    return r;
}

int policy_copy(const struct policy *policy, struct policy *ret_copy)
{
    struct policy copy = {.switched = policy->switched};
    int r = uids_copy(&policy->lockdown, &copy.lockdown);
    for (size_t chain = 0; chain < ARRAY_SIZE(copy.listed) && r == 0; chain++)
        r = uids_copy(&policy->listed[chain], &copy.listed[chain]);
    if (r == 0)
        r = copy_ifaces(policy, &copy);
    if (r < 0) {
        policy_done(&copy);
        return r;
    }
    *ret_copy = copy;
    return 0;
}

/* Where the UID is among elements of this size that begin with one, or would be. */
static size_t place_of(const void *elements, size_t count, size_t size, uint32_t uid)
{
    size_t first = 0, end = count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (*(const uint32_t *)((const char *)elements + middle * size) < uid)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static size_t uid_place(const struct policy_uids *list, uint32_t uid)
{
    return place_of(list->uids, list->count, sizeof(*list->uids), uid);
}

static bool is_at(const struct policy_uids *list, size_t place, uint32_t uid)
{
    return place < list->count && list->uids[place] == uid;
}

bool policy_uids_has(const struct policy_uids *list, uint32_t uid)
{
    return is_at(list, uid_place(list, uid), uid);
}

static int make_room(struct policy_uids *list)
{
    if (list->count < list->room)
        return 0;
    size_t room = list->room ? list->room * 2 : 16;
    uint32_t *grown = reallocarray(list->uids, room, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    list->uids = grown;
    list->room = room;
    return 0;
}

int policy_uids_set(struct policy_uids *list, uint32_t uid, bool listed)
{
    size_t place = uid_place(list, uid);
    if (is_at(list, place, uid) == listed)
        return 0;
    int r = listed ? make_room(list) : 0;
    if (r < 0)
        return r;

    uint32_t *at = list->uids + place;
    size_t after = list->count - place;
    if (listed) {
        memmove(at + 1, at, after * sizeof(*at));
        *at = uid;
        list->count++;
    } else {
        memmove(at, at + 1, (after - 1) * sizeof(*at));
        list->count--;
    }
    return 0;
}

static int compare_uids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int policy_uids_replace(struct policy_uids *list, const uint32_t *uids, size_t count)
{
    uint32_t *copy = NULL;
    int r = copy_array(uids, count, sizeof(*uids), (void **)&copy);
    if (r < 0)
        return r;
    if (count)
        qsort(copy, count, sizeof(*copy), compare_uids);

    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || copy[kept - 1] != copy[i])
            copy[kept++] = copy[i];
    }
    free(list->uids);
    *list = (struct policy_uids){.uids = copy, .count = kept, .room = count};
    return 0;
}

static size_t iface_place(const struct policy *policy, uint32_t uid)
{
    return place_of(policy->ifaces, policy->iface_count, sizeof(*policy->ifaces), uid);
}

static bool is_iface_at(const struct policy *policy, size_t place, uint32_t uid)
{
    return place < policy->iface_count && policy->ifaces[place].uid == uid;
}

const struct policy_iface *policy_find_iface(const struct policy *policy, uint32_t uid)
{
    size_t place = iface_place(policy, uid);
    return is_iface_at(policy, place, uid) ? &policy->ifaces[place] : NULL;
}

static void remove_iface(struct policy *policy, size_t place)
{
    struct policy_iface *at = policy->ifaces + place;
    memmove(at, at + 1, (policy->iface_count - place - 1) * sizeof(*at));
    policy->iface_count--;
}

/* An empty rule of the UID at its place. */
static int insert_iface(struct policy *policy, size_t place, uint32_t uid)
{
    struct policy_iface *grown = reallocarray(policy->ifaces, policy->iface_count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    policy->ifaces = grown;
    memmove(grown + place + 1, grown + place, (policy->iface_count - place) * sizeof(*grown));
    grown[place] = (struct policy_iface){.uid = uid};
    policy->iface_count++;
    return 0;
}

int policy_set_iface(struct policy *policy, uint32_t uid, const char *iface)
{
    size_t place = iface_place(policy, uid);
    bool found = is_iface_at(policy, place, uid);
    if (!iface) {
        if (found)
            remove_iface(policy, place);
        return 0;
    }
    if (strlen(iface) >= TCTL_IFNAME_LEN)
        return -EINVAL;
    int r = found ? 0 : insert_iface(policy, place, uid);
    if (r == 0)
        strcpy(policy->ifaces[place].iface, iface);
    return r;
}

/* Where the mark is, or would be. */
static size_t metered_place(const struct policy *policy, const char *iface)
{
    size_t first = 0, end = policy->metered_count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (strcmp(policy->metered[middle], iface) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static int insert_metered(struct policy *policy, size_t place, const char *iface)
{
    char(*grown)[TCTL_IFNAME_LEN] = reallocarray(policy->metered, policy->metered_count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    policy->metered = grown;
    memmove(grown + place + 1, grown + place, (policy->metered_count - place) * sizeof(*grown));
    strcpy(grown[place], iface);
    policy->metered_count++;
    return 0;
}

int policy_set_metered(struct policy *policy, const char *iface, bool on)
{
    if (strlen(iface) >= TCTL_IFNAME_LEN)
        return -EINVAL;
    size_t place = metered_place(policy, iface);
    bool found = place < policy->metered_count && strcmp(policy->metered[place], iface) == 0;
    if (found == on)
        return 0;
    if (on)
        return insert_metered(policy, place, iface);
    policy->metered_count--;
    memmove(policy->metered + place, policy->metered + place + 1,
            (policy->metered_count - place) * sizeof(*policy->metered));
    return 0;
}
