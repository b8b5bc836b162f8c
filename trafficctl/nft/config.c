/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "config.h"

#include <effective.h>
#include <errno.h>
#include <parse.h>

_Static_assert(sizeof(struct uid_range) == sizeof(struct tctl_uid_range), "the same two numbers");

static int find_ranges(const struct tctl_state *state, struct tctl_config *config)
{
    char text[EFFECTIVE_LEN];
    struct uid_range ranges[TCTL_MAX_UID_RANGES];
    size_t count = 0;
    int r = effective_find(state, "app_uids", text);
    if (r == 0)
        r = parse_uid_ranges(text, ranges, TCTL_MAX_UID_RANGES, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        config->app_uids[i] = (struct tctl_uid_range){ranges[i].first, ranges[i].last};
    config->range_count = (uint32_t)count;
    return r;
}

static int find_number(const struct tctl_state *state, const char *key, uint32_t *ret_number)
{
    char text[EFFECTIVE_LEN];
    int r = effective_find(state, key, text);
    return r < 0 ? r : parse_u32(text, ret_number);
}

static int find_bool(const struct tctl_state *state, const char *key, bool *ret)
{
    char text[EFFECTIVE_LEN];
    int r = effective_find(state, key, text);
    return r < 0 ? r : parse_bool(text, ret);
}

int nft_config_of(const struct tctl_state *state, struct tctl_config *ret_config)
{
    struct tctl_config config = {.netns_inum = state->netns_inum};
    bool esp = false, loopback = false;
    int r = find_ranges(state, &config);
    if (r == 0)
        r = find_number(state, "per_user_range", &config.per_user_range);
    if (r == 0)
        r = find_bool(state, "exempt_esp", &esp);
    if (r == 0)
        r = find_bool(state, "exempt_loopback", &loopback);
    if (r < 0)
        return -EBADMSG;
    config.exempt_esp = esp;
    config.exempt_loopback = loopback;
    *ret_config = config;
    return 0;
}

int nft_config_sizes(const struct tctl_state *state, struct nft_sizes *ret_sizes)
{
    struct nft_sizes sizes = {0};
    int r = find_number(state, "uid_stats", &sizes.users);
    if (r == 0)
        r = find_number(state, "iface_stats", &sizes.ifaces);
    if (r == 0)
        r = find_number(state, "app_uid_stats", &sizes.drops);
    if (r < 0)
        return -EBADMSG;
    *ret_sizes = sizes;
    return 0;
}
