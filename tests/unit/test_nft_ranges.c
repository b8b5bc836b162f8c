/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whom the firewall may judge, as ranges: they have to be those UIDs of which bpf/firewall.bpf.h says so. */
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "cleanup.h"
#include "ranges.h"

#include <firewall.bpf.h>

#define CONFIGS 2000
#define UIDS 200

static uint64_t seed = 8;

static uint32_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static bool has(const struct tctl_uid_range *ranges, size_t count, uint32_t uid)
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found |= uid >= ranges[i].first && uid <= ranges[i].last;
    return found;
}

static void assert_in_order(const struct tctl_uid_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].first <= ranges[i].last);
        if (i > 0)
            assert_true(ranges[i].first > (uint64_t)ranges[i - 1].last + 1);
    }
}

static void assert_judged_alike(const struct tctl_config *config, const struct tctl_uid_range *ranges, size_t count,
                                uint32_t uid)
{
    if (has(ranges, count, uid) != may_judge(config, uid))
        fail_msg("uid %u: ranges say %d (per user %u, %u ranges, first %u-%u)", uid, has(ranges, count, uid),
                 config->per_user_range, config->range_count, config->app_uids[0].first, config->app_uids[0].last);
}

static struct tctl_config random_config(void)
{
    struct tctl_config config = {.range_count = random_number() % (TCTL_MAX_UID_RANGES + 1)};
    uint32_t most = random_number() % 2 ? 1000000 : UINT32_MAX;
    if (random_number() % 2)
        config.per_user_range = 40000000 + random_number() % (UINT32_MAX - 40000000);
    for (uint32_t i = 0; i < config.range_count; i++) {
        config.app_uids[i].first = random_number() % most;
        config.app_uids[i].last = config.app_uids[i].first + random_number() % (most / 8);
    }
    return config;
}

/* Ends of ranges, what is beside them, and anybody. */
static void ranges_are_whom_the_firewall_may_judge(void **state)
{
    (void)state;
    for (int n = 0; n < CONFIGS; n++) {
        const struct tctl_config config = random_config();
        _cleanup_free_ struct tctl_uid_range *ranges = NULL;
        size_t count = 0;
        assert_int_equal(nft_ranges(&config, &ranges, &count), 0);
        assert_in_order(ranges, count);
        for (size_t i = 0; i < count; i++)
            for (uint32_t beside = 0; beside < 3; beside++) {
                assert_judged_alike(&config, ranges, count, ranges[i].first + beside - 1);
                assert_judged_alike(&config, ranges, count, ranges[i].last + beside - 1);
            }
        for (int i = 0; i < UIDS; i++)
            assert_judged_alike(&config, ranges, count, random_number());
    }
}

static void assert_ranges(const struct tctl_config *config, const struct tctl_uid_range *wanted, size_t wanted_count)
{
    _cleanup_free_ struct tctl_uid_range *ranges = NULL;
    size_t count = 0;
    assert_int_equal(nft_ranges(config, &ranges, &count), 0);
    assert_int_equal(count, wanted_count);
    if (count)
        assert_memory_equal(ranges, wanted, count * sizeof(*ranges));
}

static void what_touches_is_one(void **state)
{
    (void)state;
    const struct tctl_config beside = {.range_count = 3, .app_uids = {{30, 40}, {10, 19}, {20, 29}}};
    const struct tctl_config all = {.range_count = 1, .per_user_range = 50000, .app_uids = {{0, UINT32_MAX}}};
    const struct tctl_config last = {.range_count = 2, .app_uids = {{5, UINT32_MAX}, {10, 20}}};
    const struct tctl_config none = {.per_user_range = 1};
    assert_ranges(&beside, &(const struct tctl_uid_range){10, 40}, 1);
    assert_ranges(&all, &(const struct tctl_uid_range){0, UINT32_MAX}, 1);
    assert_ranges(&last, &(const struct tctl_uid_range){5, UINT32_MAX}, 1);
    assert_ranges(&none, NULL, 0);
}

static void the_last_user_has_fewer(void **state)
{
    (void)state;
    const struct tctl_config config = {.range_count = 1, .per_user_range = 3000000000u, .app_uids = {{5, 2999999999u}}};
    const struct tctl_uid_range wanted[] = {{5, 2999999999u}, {3000000005u, UINT32_MAX}};
    assert_ranges(&config, wanted, ARRAY_SIZE(wanted));
}

static void too_many_are_refused(void **state)
{
    (void)state;
    struct tctl_config config = {.range_count = 1, .per_user_range = 100000, .app_uids = {{10000, 19999}}};
    struct tctl_uid_range *ranges = NULL;
    size_t count = 0;
    assert_int_equal(nft_ranges(&config, &ranges, &count), 0);
    assert_int_equal(count, 42950);
    free(ranges);
    ranges = NULL;
    config.per_user_range = 20000;
    assert_int_equal(nft_ranges(&config, &ranges, &count), -E2BIG);
    config.per_user_range = 1;
    config.app_uids[0].first = 0;
    assert_int_equal(nft_ranges(&config, &ranges, &count), -E2BIG);
    assert_null(ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_whom_the_firewall_may_judge),
        cmocka_unit_test(what_touches_is_one),
        cmocka_unit_test(the_last_user_has_fewer),
        cmocka_unit_test(too_many_are_refused),
    };
    return unit_run(tests);
}
