/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What readings that follow each other make of rates and of the last minute. */
#include "unit.h"

#include <string.h>

#include "format.h"
#include "rate.h"
#include "users.h"

#define SECOND UINT64_C(1000000000)
#define BEGIN (77 * SECOND)

static void rates_are_per_second(void **state)
{
    (void)state;
    const struct tctl_counters before = {100, 10, UINT64_MAX - 1, 0}, now = {400, 4, UINT64_MAX, UINT64_MAX};
    struct tctl_counters rate = rate_of(&before, &now, 3 * SECOND / 2);

    assert_int_equal(rate.rx_bytes, 200);
    assert_int_equal(rate.rx_packets, 2); /* went down: started anew */
    assert_int_equal(rate.tx_bytes, 0);
    assert_int_equal(rate.tx_packets, UINT64_MAX / 3 * 2);
    assert_int_equal(rate_per_second(0, UINT64_MAX, SECOND / 2), UINT64_MAX);
    assert_int_equal(rate_per_second(5, 7, SECOND / 4), 8);
}

/* A reading so long after BEGIN; of each row the UID, bytes received and packets blocked. */
struct seen {
    uint32_t uid;
    uint64_t rx_bytes, blocked;
};

static void read_at(struct users *users, uint64_t after, bool has_blocked, const struct seen *seen, size_t count)
{
    struct reading_row row[4] = {0};
    const struct reading reading = {.rows = row, .count = count, .has_blocked = has_blocked, .ns = BEGIN + after};

    for (size_t i = 0; i < count; i++)
        row[i] =
            (struct reading_row){.uid = seen[i].uid, .counters.rx_bytes = seen[i].rx_bytes, .blocked = seen[i].blocked};
    assert_int_equal(users_update(users, &reading), 0);
}
#define READ(users, after, ...)                                                                                        \
    read_at(users, after, true, (const struct seen[]){__VA_ARGS__},                                                    \
            sizeof((const struct seen[]){__VA_ARGS__}) / sizeof(struct seen))

static double second_ago(const struct users *users, size_t row, unsigned int ago)
{
    return users->rows[row]->seconds[(users->newest + USERS_SECONDS - ago) % USERS_SECONDS];
}

static void users_have_rates_from_the_second_reading_on(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 1000, 7}, {9, 50, 0});
    assert_int_equal(users.count, 2);
    assert_false(users.has_rates);
    assert_int_equal(users.rows[0]->rate.rx_bytes, 0);
    READ(&users, SECOND, {5, 1500, 8}, {9, 50, 0});
    assert_true(users.has_rates);
    assert_int_equal(users.rows[0]->rate.rx_bytes, 500);
    assert_int_equal(users.rows[0]->total.rx_bytes, 1500);
    assert_int_equal(users.rows[0]->blocked_rate, 1);
    assert_int_equal(users.rows[0]->blocked, 8);
    assert_int_equal(users.rows[1]->rate.rx_bytes, 0);
    assert_int_equal(users.rate.rx_bytes, 500);
    assert_int_equal(users.blocked_rate, 1);
    users_done(&users);
}

static void a_late_reading_is_a_mean_of_all_its_seconds(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 0, 0});
    READ(&users, SECOND, {5, 10, 0});
    READ(&users, 4 * SECOND + SECOND / 3, {5, 1010, 0});
    assert_int_equal(users.rows[0]->rate.rx_bytes, 300);
    for (unsigned int ago = 0; ago < 3; ago++)
        assert_true(second_ago(&users, 0, ago) == 300);
    assert_true(second_ago(&users, 0, 3) == 10);
    READ(&users, 500 * SECOND, {5, 1010, 0}); /* the whole minute, once */
    for (unsigned int ago = 0; ago < USERS_SECONDS; ago++)
        assert_true(second_ago(&users, 0, ago) == 0);
    users_done(&users);
}

static void an_early_reading_is_a_second_of_its_own(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 0, 0});
    READ(&users, SECOND, {5, 10, 0});
    READ(&users, SECOND + SECOND / 10, {5, 15, 0});
    assert_int_equal(users.rows[0]->rate.rx_bytes, 50);
    assert_true(second_ago(&users, 0, 0) == 50);
    assert_true(second_ago(&users, 0, 1) == 10);
    users_done(&users);
}

static void history_is_a_minute(void **state)
{
    (void)state;
    struct users users = {0};
    uint64_t bytes = 0;

    for (uint64_t second = 0; second <= 90; second++) {
        bytes += second;
        READ(&users, second * SECOND, {5, bytes, 0});
    }
    for (unsigned int ago = 0; ago < USERS_SECONDS; ago++)
        assert_true(second_ago(&users, 0, ago) == 90 - ago);
    users_done(&users);
}

static void new_users_have_counted_all_they_have_since_the_last_reading(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 100, 0});
    READ(&users, 2 * SECOND, {3, 40, 2}, {5, 100, 0}, {UINT32_MAX - 1, 60, 0});
    assert_int_equal(users.count, 3);
    assert_int_equal(users.rows[0]->uid, 3);
    assert_int_equal(users.rows[0]->rate.rx_bytes, 20);
    assert_int_equal(users.rows[0]->blocked_rate, 1);
    assert_int_equal(users.rows[1]->rate.rx_bytes, 0);
    assert_int_equal(users.rows[2]->rate.rx_bytes, 30);
    assert_true(second_ago(&users, 0, 0) == 20);
    assert_true(second_ago(&users, 0, 2) == 0);
    users_done(&users);
}

static void users_who_are_gone_fade_and_leave(void **state)
{
    (void)state;
    struct users users = {0};
    uint64_t second = 1;

    READ(&users, 0, {5, 100, 0}, {7, 1, 0});
    READ(&users, SECOND, {5, 300, 0}, {7, 1, 0});
    for (; second <= USERS_GONE; second++) {
        READ(&users, SECOND + second * SECOND, {7, 1, 0});
        assert_int_equal(users.count, 2);
        assert_int_equal(users.rows[0]->gone, second);
        assert_int_equal(users.rows[0]->rate.rx_bytes, 0);
        assert_int_equal(users.rows[0]->total.rx_bytes, 300);
        assert_true(second_ago(&users, 0, (unsigned int)second) == 200);
    }
    READ(&users, SECOND + second * SECOND, {7, 1, 0});
    assert_int_equal(users.count, 1);
    assert_int_equal(users.rows[0]->uid, 7);
    users_done(&users);
}

/* Deleted, and more than before within two seconds: not the difference, all of it. */
static void who_comes_back_begins_anew(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 100, 9}, {7, 1, 0});
    READ(&users, SECOND, {7, 1, 0});
    READ(&users, 2 * SECOND, {5, 150, 10}, {7, 1, 0});
    assert_int_equal(users.rows[0]->gone, 0);
    assert_int_equal(users.rows[0]->rate.rx_bytes, 150);
    assert_int_equal(users.rows[0]->blocked_rate, 10);
    users_done(&users);
}

static void counters_that_went_down_began_anew(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 100, 9});
    READ(&users, SECOND, {5, 30, 2});
    assert_int_equal(users.rows[0]->rate.rx_bytes, 30);
    assert_int_equal(users.rows[0]->blocked_rate, 2);
    users_done(&users);
}

static void a_reading_that_failed_leaves_no_rates(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {5, 100, 0});
    READ(&users, SECOND, {5, 200, 5});
    users_miss(&users);
    assert_false(users.has_rates);
    assert_int_equal(users.rate.rx_bytes, 0);
    assert_int_equal(users.rows[0]->rate.rx_bytes, 0);
    assert_int_equal(users.rows[0]->total.rx_bytes, 200);
    READ(&users, 3 * SECOND, {5, 300, 5});
    assert_int_equal(users.rows[0]->rate.rx_bytes, 50);
    users_done(&users);
}

/* What was dropped before is no rate of the second in which it can be read at last. */
static void drops_that_can_be_read_later_are_no_rate(void **state)
{
    (void)state;
    struct users users = {0};
    const struct seen before = {5, 100, 0}, now = {5, 100, 1000};

    read_at(&users, 0, false, &before, 1);
    assert_false(users.has_blocked);
    read_at(&users, SECOND, true, &now, 1);
    assert_int_equal(users.rows[0]->blocked, 1000);
    assert_int_equal(users.rows[0]->blocked_rate, 0);
    users_done(&users);
}

static void users_have_names_if_somebody_knows_them(void **state)
{
    (void)state;
    struct users users = {0};

    READ(&users, 0, {0, 1, 0}, {4294967290u, 1, 0});
    users_find_names(&users);
    assert_null(users.rows[0]->user);
    assert_int_equal(user_names_new(format_user, &users.names), 0);
    user_names_allow(users.names, 10000);
    users_find_names(&users);
    assert_string_equal(users.rows[0]->user, "root");
    assert_null(users.rows[1]->user);
    assert_ptr_equal(users_name(&users, users.rows[0]), users.rows[0]->user);
    users_done(&users);
    READ(&users, SECOND, {0, 1, 0});
    assert_null(users.rows[0]->user);
    assert_string_equal(users_name(&users, users.rows[0]), "root");
    users_done(&users);
    user_names_free(users.names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_per_second),
        cmocka_unit_test(users_have_rates_from_the_second_reading_on),
        cmocka_unit_test(a_late_reading_is_a_mean_of_all_its_seconds),
        cmocka_unit_test(an_early_reading_is_a_second_of_its_own),
        cmocka_unit_test(history_is_a_minute),
        cmocka_unit_test(new_users_have_counted_all_they_have_since_the_last_reading),
        cmocka_unit_test(users_who_are_gone_fade_and_leave),
        cmocka_unit_test(who_comes_back_begins_anew),
        cmocka_unit_test(counters_that_went_down_began_anew),
        cmocka_unit_test(a_reading_that_failed_leaves_no_rates),
        cmocka_unit_test(drops_that_can_be_read_later_are_no_rate),
        cmocka_unit_test(users_have_names_if_somebody_knows_them),
    };

    return unit_run(tests);
}
