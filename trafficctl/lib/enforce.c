/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "enforce.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "chains.h"
#include "cleanup.h"
#include "execute.h"
#include "fd.h"
#include "generation.h"
#include "ifaces.h"
#include "rules.h"
#include "translate.h"

int enforce_open(const char *bpffs, struct enforce *enforce)
{
    *enforce = (struct enforce){
        .netd = {-1, -1, -1, -1}, .rules = -1, .ifaces = -1, .metered = -1, .config = -1, .generation = -1};
    const struct {
        enum pin_id id;
        int *fd;
    } maps[] = {
        {PIN_UID_RULES, &enforce->rules}, {PIN_UID_IFACE, &enforce->ifaces},      {PIN_METERED, &enforce->metered},
        {PIN_CONFIG, &enforce->config},   {PIN_GENERATION, &enforce->generation},
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++)
        r = pins_open_map(bpffs, maps[i].id, true, maps[i].fd);
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE && r == 0; chain++)
        r = pins_open_map(bpffs, chains_pin((enum tctl_reason)chain), true, &enforce->netd[chain]);
    return r;
}

void enforce_done(struct enforce *enforce)
{
    for (size_t chain = 0; chain < ARRAY_SIZE(enforce->netd); chain++)
        enforce->netd[chain] = fd_close(enforce->netd[chain]);
    enforce->rules = fd_close(enforce->rules);
    enforce->ifaces = fd_close(enforce->ifaces);
    enforce->metered = fd_close(enforce->metered);
    enforce->config = fd_close(enforce->config);
    enforce->generation = fd_close(enforce->generation);
}

int enforce_read(const struct enforce *enforce, struct policy *ret_policy)
{
    _cleanup_(image_done) struct image image = {0};
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    int r = image_read(enforce, &image);
    if (r == 0)
        r = ifaces_list(&ifaces);
    return r < 0 ? r : translate_to_policy(&image, &ifaces, ret_policy);
}

static int apply(const struct enforce *enforce, const struct image *from, const struct image *to, struct fault *fault)
{
    _cleanup_(plan_done) struct plan plan = {0};
    int r = plan_make(from, to, &plan);
    if (r == 0)
        r = plan_check(&plan, enforce, fault);
    return r < 0 ? r : execute_plan(&plan, enforce, fault);
}

int enforce_apply(const struct enforce *enforce, const struct policy *policy, struct fault *fault)
{
    _cleanup_(image_done) struct image from = {0}, to = {0};
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    int r = image_read(enforce, &from);
    if (r == 0)
        r = ifaces_list(&ifaces);
    if (r == 0)
        r = translate_to_image(policy, &ifaces, &to);
    if (r < 0)
        return fault_set(fault, r, "cannot read what the firewall's maps hold: %s", strerror(-r));
    return apply(enforce, &from, &to, fault);
}

int enforce_set_closed(const struct enforce *enforce, bool closed)
{
    const uint32_t zero = 0;
    struct tctl_config config;
    int r = rules_config(enforce, &config);
    if (r < 0)
        return r;
    config.closed = closed;
    r = bpf_map_update_elem(enforce->config, &zero, &config, BPF_ANY);
    return r < 0 ? r : generation_raise(enforce->generation);
}

static bool is_gone(const struct ifaces *ifaces, uint32_t number)
{
    return number != TCTL_ANY_IFACE && !ifaces_name(ifaces, number);
}

static void forget_numbers(const struct ifaces *ifaces, struct image *image)
{
    struct image_rows *rules = &image->maps[IMAGE_IFACES], *marks = &image->maps[IMAGE_METERED];
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (is_gone(ifaces, (uint32_t)rules->rows[i].value))
            rules->rows[i].value = TCTL_NO_IFACE;
    }
    for (size_t i = 0; i < marks->count; i++) {
        if (!is_gone(ifaces, marks->rows[i].key))
            marks->rows[kept++] = marks->rows[i];
    }
    marks->count = kept;
}

/* Only what waits for an interface: any other number is somebody's wish, and an interface that is there. */
static int find_numbers(const struct policy *policy, const struct ifaces *ifaces, struct image *image)
{
    int r = 0;
    for (size_t i = 0; i < policy->iface_count && r == 0; i++) {
        const struct policy_iface *rule = &policy->ifaces[i];
        const struct image_row *row = image_find(image, IMAGE_IFACES, rule->uid);
        uint32_t number = translate_iface(ifaces, rule->iface);
        if (image_lists(image, TCTL_IFACE_RULE, rule->uid) && (!row || row->value == TCTL_NO_IFACE) && *rule->iface &&
            number != TCTL_NO_IFACE)
            r = image_put(image, IMAGE_IFACES, rule->uid, number);
    }
    for (size_t i = 0; i < policy->metered_count && r == 0; i++) {
        uint32_t number = ifaces_number(ifaces, policy->metered[i]);
        if (number && !image_find(image, IMAGE_METERED, number))
            r = image_put(image, IMAGE_METERED, number, 1);
    }
    return r;
}

int enforce_follow(const struct enforce *enforce, const struct policy *policy)
{
    _cleanup_(image_done) struct image from = {0}, to = {0};
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    struct fault unsaid;
    int r = image_read(enforce, &from);
    if (r == 0)
        r = image_copy(&from, &to);
    if (r == 0)
        r = ifaces_list(&ifaces);
    if (r < 0)
        return r;
    forget_numbers(&ifaces, &to);
    r = find_numbers(policy, &ifaces, &to);
    return r < 0 ? r : apply(enforce, &from, &to, &unsaid);
}
