/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>

#define ALL_UIDS (UINT32_MAX + 1ull)

/* Of one user, who has so many UIDs; what is beyond them never is a remainder. */
static size_t of_one_user(const struct tctl_config *config, uint32_t last, struct tctl_uid_range *to)
{
    size_t count = 0;
    for (uint32_t i = 0; i < config->range_count && i < TCTL_MAX_UID_RANGES; i++) {
        struct tctl_uid_range range = config->app_uids[i];
        if (range.last > last)
            range.last = last;
        if (range.first <= range.last)
            to[count++] = range;
    }
    return count;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = ((const struct tctl_uid_range *)a)->first, y = ((const struct tctl_uid_range *)b)->first;
    return (x > y) - (x < y);
}

/* Those that touch become one. */
static size_t merge(struct tctl_uid_range *ranges, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct tctl_uid_range *last = kept ? &ranges[kept - 1] : NULL;
        if (!last || ranges[i].first > (uint64_t)last->last + 1)
            ranges[kept++] = ranges[i];
        else if (ranges[i].last > last->last)
            last->last = ranges[i].last;
    }
    return kept;
}

/* The ranges of every user; the last one has fewer UIDs than the others. */
static size_t of_all_users(const struct tctl_uid_range *ranges, size_t count, uint64_t per_user,
                           struct tctl_uid_range *to)
{
    size_t made = 0;
    for (uint64_t user = 0; user <= UINT32_MAX && count > 0; user += per_user)
        for (size_t i = 0; i < count && user + ranges[i].first <= UINT32_MAX; i++) {
            uint64_t last = user + ranges[i].last;
            to[made++] = (struct tctl_uid_range){(uint32_t)(user + ranges[i].first),
                                                 last > UINT32_MAX ? UINT32_MAX : (uint32_t)last};
        }
    return made;
}

int nft_ranges(const struct tctl_config *config, struct tctl_uid_range **ret_ranges, size_t *ret_count)
{
    struct tctl_uid_range own[TCTL_MAX_UID_RANGES];
    uint64_t per_user = config->per_user_range ? config->per_user_range : ALL_UIDS;
    size_t count = of_one_user(config, (uint32_t)(per_user - 1), own), users = UINT32_MAX / per_user + 1;
    qsort(own, count, sizeof(*own), compare);
    count = merge(own, count);
    if (count * users > NFT_MOST_RANGES)
        return -E2BIG;
    struct tctl_uid_range *all = reallocarray(NULL, count * users + 1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    count = of_all_users(own, count, per_user, all);
    *ret_ranges = all;
    *ret_count = merge(all, count);
    return 0;
}
