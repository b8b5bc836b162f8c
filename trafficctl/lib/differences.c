/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "asked.h"
#include "cleanup.h"
#include "differences_rules.h"
#include "firewall.h"
#include "listeners.h"
#include "policy_file.h"

/* 1: there is one to compare with. A bad one is a difference itself. */
static int read_policy(const char *path, struct policy *policy, struct difference_list *list)
{
    struct fault fault = {0};
    int r = policy_file_read(path, policy, &fault);
    if (r == 0)
        return 1;
    if (r == -ENOENT)
        return 0;
    if (r == -ENOMEM)
        return r;
    difference_add(list, "a policy that can be read", *fault.text ? fault.text : strerror(-r), "policy");
    return 0;
}

static int compare(const struct comparison *comparison, bool saved)
{
    int r = saved ? differences_rules(comparison) : 0;
    return r < 0 ? r : differences_unjudged(comparison);
}

static int look_at_rules(const struct tctl_firewall *firewall, const char *path, struct difference_list *list)
{
    _cleanup_(policy_done) struct policy policy = {0};
    _cleanup_(image_done) struct image image = {0};
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    struct tctl_config config;
    bool here = false;
    int saved = read_policy(path, &policy, list);
    if (saved < 0)
        return saved;
    int r = firewall->backend->rules_config(firewall->enforcer, &config);
    if (r == 0)
        r = firewall->backend->rules_image(firewall->enforcer, &image);
    if (r == 0)
        r = ifaces_are_of(config.netns_inum, &here);
    if (r == 0 && here)
        r = ifaces_list(&ifaces);
    if ((r == -ENOENT || r == -EEXIST) && list->count > 0)
        return 0; /* what holds them is gone, and that is said */
    if (r < 0)
        return r;
    if (image.closed)
        difference_add(list, "the saved policy", "nobody passes, since it could not be read", "firewall");
    const struct comparison comparison = {
        .asked = &policy,
        .now = &image,
        .config = &config,
        .ifaces = here ? &ifaces : NULL,
        .list = list,
    };
    return compare(&comparison, saved > 0);
}

/*
 * A change is first in the file and then in the maps, and a start replaces one pin after the other: under the lock all
 * are done, unless their writer does not end. Processes are looked at afterwards, since others wait for the lock, and
 * everybody may have as many as he likes.
 */
static int find(struct tctl_firewall *firewall, const char *policy, struct difference_list *list)
{
    _cleanup_(cgroup_tree_done) struct cgroup_tree tree = {.fd = -1};
    int locked = writer_lock(&firewall->writer);
    if (locked < 0 && locked != -EBUSY)
        return locked;
    const int found = firewall->backend->rules_tree(firewall->enforcer, &tree);
    int r = firewall->backend->rules_differ(firewall->enforcer, &tree, found, list);
    if (r == 0)
        r = look_at_rules(firewall, policy, list);
    if (locked == 0)
        writer_unlock(&firewall->writer);
    return r == 0 && found == 0 ? listeners_find(&tree, list) : r;
}

int tctl_firewall_differences(struct tctl_firewall *firewall, struct tctl_difference *differences, size_t max,
                              size_t *ret_count)
{
    struct difference_list list = {.differences = differences, .max = max};
    struct asked asked;
    int r = firewall_begin(firewall);
    if (r < 0)
        return r;
    r = asked_read(firewall->bpffs, &asked);
    if (r == 0)
        r = find(firewall, asked.policy, &list);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot compare what was asked for with what holds");
    *ret_count = list.count;
    return 0;
}
