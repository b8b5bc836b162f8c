/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "cleanup.h"
#include "parse.h"

static void parse_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {
        {"0", 0},
        {"010", 10},
        {"4294967295", UINT32_MAX},
        {"0x0", 0},
        {"0xfFfFfFfF", UINT32_MAX},
        {"0x00000000000000000001", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        uint32_t small = 7;
        assert_int_equal(parse_u32(good[i].text, &small), 0);
        assert_int_equal(small, good[i].value);
    }
}

static void parse_numbers_refuses_other_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " ",  "-1",   "+1",  "1 ",  " 1", "1x",  "0x",
                                      "0X1", "x1", "0x1g", "1.0", "1e3", "٣",  "1\n", "99999999999999999999999x"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint32_t small = 7;
        assert_int_equal(parse_u32(bad[i], &small), -EINVAL);
        assert_int_equal(small, 7);
    }
}

static void parse_u32_refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const char *const large[] = {"4294967296", "0x100000000", "18446744073709551616",
                                        "99999999999999999999999999"};
    for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
        uint32_t value = 7;
        assert_int_equal(parse_u32(large[i], &value), -ERANGE);
        assert_int_equal(value, 7);
    }
}

static void parse_switches(void **state)
{
    (void)state;
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};
    static const char *const bad[] = {"", "YES", "y", "2", "onn", " on", "yes "};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        bool value = false;
        assert_int_equal(parse_bool(yes[i], &value), 0);
        assert_true(value);
        assert_int_equal(parse_bool(no[i], &value), 0);
        assert_false(value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        bool value = true;
        assert_int_equal(parse_bool(bad[i], &value), -EINVAL);
        assert_true(value);
    }
}

static void parse_users(void **state)
{
    (void)state;
    uint32_t uid = 7;
    assert_int_equal(parse_uid("root", &uid), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(parse_uid("10001", &uid), 0);
    assert_int_equal(uid, 10001);
    assert_int_equal(parse_uid("0xFFFFFFFE", &uid), 0);
    assert_int_equal(uid, 0xFFFFFFFE);
}

static void parse_users_refuses_bad_ones(void **state)
{
    (void)state;
    uint32_t uid = 7;
    assert_int_equal(parse_uid("no-such-user-here", &uid), -ESRCH);
    assert_int_equal(parse_uid("0xFFFFFFFF", &uid), -ERANGE);
    assert_int_equal(parse_uid("4294967295", &uid), -ERANGE);
    assert_int_equal(parse_uid("4294967296", &uid), -ERANGE);
    assert_int_equal(parse_uid("", &uid), -EINVAL);
    assert_int_equal(parse_uid("-1", &uid), -EINVAL);
    assert_int_equal(parse_uid("12x", &uid), -EINVAL);
    assert_int_equal(uid, 7);
}

static void parse_groups(void **state)
{
    (void)state;
    gid_t gid = 7;
    assert_int_equal(parse_gid("root", &gid), 0);
    assert_int_equal(gid, 0);
    assert_int_equal(parse_gid("100", &gid), 0);
    assert_int_equal(gid, 100);
    assert_int_equal(parse_gid("no-such-group-here", &gid), -ESRCH);
    assert_int_equal(parse_gid("4294967295", &gid), -ERANGE);
    assert_int_equal(parse_gid("", &gid), -EINVAL);
    assert_int_equal(gid, 100);
}

static void parse_ranges(void **state)
{
    (void)state;
    struct uid_range ranges[3];
    size_t count = 7;
    assert_int_equal(parse_uid_ranges("1000-60000,70000,100000-", ranges, 3, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(ranges[0].first, 1000);
    assert_int_equal(ranges[0].last, 60000);
    assert_int_equal(ranges[1].first, 70000);
    assert_int_equal(ranges[1].last, 70000);
    assert_int_equal(ranges[2].first, 100000);
    assert_int_equal(ranges[2].last, 0xFFFFFFFE);
    assert_int_equal(parse_uid_ranges("", ranges, 3, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(parse_uid_ranges("", ranges, 0, &count), 0);
}

static void parse_ranges_refuses_bad_ones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
    } bad[] = {
        {",", -EINVAL},           {"1000,", -EINVAL},
        {",1000", -EINVAL},       {"-", -EINVAL},
        {"-5", -EINVAL},          {"5-4", -EINVAL},
        {"1-2-3", -EINVAL},       {"1000 - 2000", -EINVAL},
        {"root", -EINVAL},        {"1000-4294967295", -ERANGE},
        {"4294967295-", -ERANGE}, {"4294967296", -ERANGE},
        {"1,2,3,4", -E2BIG},      {"1,2,3,", -E2BIG},
        {"1--2", -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct uid_range ranges[3] = {{7, 7}, {7, 7}, {7, 7}};
        size_t count = 7;
        assert_int_equal(parse_uid_ranges(bad[i].text, ranges, 3, &count), bad[i].err);
        assert_int_equal(count, 7);
        assert_int_equal(ranges[0].first, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_numbers),
        cmocka_unit_test(parse_numbers_refuses_other_text),
        cmocka_unit_test(parse_u32_refuses_what_does_not_fit),
        cmocka_unit_test(parse_switches),
        cmocka_unit_test(parse_users),
        cmocka_unit_test(parse_users_refuses_bad_ones),
        cmocka_unit_test(parse_groups),
        cmocka_unit_test(parse_ranges),
        cmocka_unit_test(parse_ranges_refuses_bad_ones),
    };
    return unit_run(tests);
}
