/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "chains.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <trafficctl/firewall.h>

#include "fd.h"
#include "parse.h"

const char *const chains_names[TCTL_REASONS] = {
    [TCTL_DOZABLE] = "dozable",
    [TCTL_STANDBY] = "standby",
    [TCTL_POWERSAVE] = "powersave",
    [TCTL_RESTRICTED] = "restricted",
    [TCTL_LOW_POWER_STANDBY] = "low_power_standby",
    [TCTL_BACKGROUND] = "background",
    [TCTL_OEM_DENY_1] = "oem_deny_1",
    [TCTL_OEM_DENY_2] = "oem_deny_2",
    [TCTL_OEM_DENY_3] = "oem_deny_3",
    [TCTL_METERED_ALLOW] = "metered_allow",
    [TCTL_METERED_DENY_USER] = "metered_deny_user",
    [TCTL_METERED_DENY_ADMIN] = "metered_deny_admin",
    [TCTL_IFACE_RULE] = "iif",
    [TCTL_LOCKDOWN] = "lockdown",
    [TCTL_CLOSED] = "closed",
};

enum pin_id chains_pin(enum tctl_reason chain)
{
    switch (chain) {
    case TCTL_DOZABLE:
        return PIN_DOZABLE_UID;
    case TCTL_STANDBY:
        return PIN_STANDBY_UID;
    case TCTL_POWERSAVE:
        return PIN_POWERSAVE_UID;
    default:
        return PINS;
    }
}

static int is_switched(const char *bpffs, enum tctl_reason chain, bool *ret_on)
{
    const uint32_t key = TCTL_CHAIN_SWITCH;
    uint8_t value = 0;
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, chains_pin(chain), false, &fd);
    if (r == 0)
        r = bpf_map_lookup_elem(fd, &key, &value);
    if (r < 0 && (fd < 0 || r != -ENOENT))
        return r;
    *ret_on = value == 1;
    return 0;
}

static int own_switches(const char *bpffs, uint32_t *ret_on)
{
    const uint32_t zero = 0;
    struct tctl_config config = {0};
    _cleanup_fd_ int fd = -1;
    int r = pins_open_map(bpffs, PIN_CONFIG, false, &fd);
    if (r == 0)
        r = bpf_map_lookup_elem(fd, &zero, &config);
    if (r < 0)
        return r;
    *ret_on = config.chains & (TCTL_BIT(TCTL_CHAINS) - 1) & ~TCTL_NETD_CHAINS & ~TCTL_BIT(0);
    return 0;
}

int chains_switched(const char *bpffs, uint32_t *ret_on)
{
    uint32_t on;
    int r = own_switches(bpffs, &on);
    for (int chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE && r == 0; chain++) {
        bool switched = false;
        r = is_switched(bpffs, (enum tctl_reason)chain, &switched);
        on |= switched ? TCTL_BIT(chain) : 0;
    }
    if (r < 0)
        return r;
    *ret_on = on;
    return 0;
}

const char *tctl_chain_name(unsigned int chain)
{
    return chain < TCTL_CHAINS ? chains_names[chain] : NULL;
}

int chains_find(const char *name, uint32_t *ret_chain)
{
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        if (strcmp(chains_names[chain], name) == 0) {
            *ret_chain = chain;
            return 0;
        }
    }
    return -ENOENT;
}

int tctl_chain_find(const char *text, unsigned int *ret_chain)
{
    uint32_t number;
    if (chains_find(text, ret_chain) == 0)
        return 0;
    if (parse_u32(text, &number) < 0 || !tctl_chain_name(number))
        return -EINVAL;
    *ret_chain = number;
    return 0;
}

bool tctl_chain_is_allow_list(unsigned int chain)
{
    return chain < TCTL_CHAINS && TCTL_ALLOW_LISTS & TCTL_BIT(chain);
}
