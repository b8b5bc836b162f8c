/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "aftermath.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chains.h"
#include "cleanup.h"

__attribute__((format(printf, 2, 3))) static void add(struct fault *fault, const char *format, ...)
{
    size_t used = strlen(fault->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->text + used, sizeof(fault->text) - used, format, arguments);
    va_end(arguments);
}

static size_t common(const struct policy_uids *a, const struct policy_uids *b)
{
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++)
        count += policy_uids_has(b, a->uids[i]);
    return count;
}

static void tell_list(const struct plan *plan, const struct image *now, uint32_t chain, struct fault *fault)
{
    _cleanup_(policy_uids_done) struct policy_uids old = {0}, new = {0}, held = {0};
    if (image_list(plan->from, chain, &old) < 0 || image_list(plan->to, chain, &new) < 0 ||
        image_list(now, chain, &held) < 0)
        return;
    size_t kept = common(&held, &old);
    if (kept == old.count && held.count == old.count)
        return;
    add(fault, "; %s holds %zu of %zu UIDs of the old list and %zu of %zu of the new one", chains_names[chain], kept,
        old.count, common(&held, &new), new.count);
}

static void tell_switches(const struct plan *plan, const struct image *now, struct fault *fault)
{
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CHAINS; chain++) {
        if ((plan->from->switched ^ now->switched) & TCTL_BIT(chain))
            add(fault, "; %s is %s", chains_names[chain], now->switched & TCTL_BIT(chain) ? "on" : "off");
    }
}

static bool same_rows(const struct image_rows *a, const struct image_rows *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->rows[i].key != b->rows[i].key || a->rows[i].value != b->rows[i].value)
            return false;
    }
    return true;
}

void aftermath_tell(const struct plan *plan, const struct enforce *enforce, struct fault *fault)
{
    _cleanup_(image_done) struct image now = {0};
    int r = image_read(enforce, &now);
    add(fault, "; it could not all be taken back");
    if (r < 0) {
        add(fault, ", and what holds now cannot be read: %s", strerror(-r));
        return;
    }
    tell_switches(plan, &now, fault);
    for (uint32_t chain = TCTL_DOZABLE; chain < TCTL_CLOSED; chain++)
        tell_list(plan, &now, chain, fault);
    if (!same_rows(&plan->from->maps[IMAGE_IFACES], &now.maps[IMAGE_IFACES]))
        add(fault, "; interfaces of rules were changed");
    if (!same_rows(&plan->from->maps[IMAGE_METERED], &now.maps[IMAGE_METERED]))
        add(fault, "; marks of metered interfaces were changed");
}
