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
    *enforce = (struct enforce){.netd = {-1, -1, -1, -1},
                                .rules = -1,
                                .ifaces = -1,
                                .metered = -1,
                                .config = -1,
                                .generation = -1,
                                .names = -1};
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
    if (r == 0)
        r = pins_open_map(bpffs, PIN_IFACE_INDEX_NAME, false, &enforce->names);
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
    enforce->names = fd_close(enforce->names);
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

int enforce_step(const struct enforce *enforce, const struct image *from, const struct image *to, struct fault *fault)
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
    return enforce_step(enforce, &from, &to, fault);
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
