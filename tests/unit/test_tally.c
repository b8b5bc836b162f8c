/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include "cleanup.h"
#include "tally.h"

static void assert_entry(const struct tally *tally, uint32_t uid, uint32_t tag, uint32_t tags, uint64_t rows)
{
    const struct tally_entry *entry = tally_find(tally, &(struct tctl_tag){.uid = uid, .tag = tag});
    assert_non_null(entry);
    assert_int_equal(entry->count.tags, tags);
    assert_int_equal(entry->count.pad, 0);
    assert_int_equal(entry->count.rows, rows);
}

static void tally_of_nothing(void **state)
{
    _cleanup_(tally_done) struct tally tally = {0};
    (void)state;
    tally_finish(&tally);
    assert_int_equal(tally.count, 0);
    assert_null(tally_find(&tally, &(struct tctl_tag){0}));
}

static void tally_counts_distinct_tags_and_all_rows(void **state)
{
    _cleanup_(tally_done) struct tally tally = {0};
    (void)state;
    assert_int_equal(tally_add(&tally, 7, 2, 1), 0);
    assert_int_equal(tally_add(&tally, 8, 2, 1), 0);
    assert_int_equal(tally_add(&tally, 7, 1, 1), 0);
    assert_int_equal(tally_add(&tally, 7, 2, 1), 0);
    assert_int_equal(tally_add(&tally, 7, 3, 0), 0);
    assert_int_equal(tally_add(&tally, 9, 0, 1), 0);
    tally_finish(&tally);
    assert_int_equal(tally.count, 4 + 2 + 1);
    assert_entry(&tally, 7, 0, 3, 3);
    assert_entry(&tally, 7, 1, 0, 0);
    assert_entry(&tally, 7, 2, 0, 0);
    assert_entry(&tally, 7, 3, 0, 0);
    assert_entry(&tally, 8, 0, 1, 1);
    assert_entry(&tally, 8, 2, 0, 0);
    assert_entry(&tally, 9, 0, 0, 1);
    assert_null(tally_find(&tally, &(struct tctl_tag){.uid = 8, .tag = 1}));
    assert_null(tally_find(&tally, &(struct tctl_tag){.uid = 10}));
}

/* Numbers above 2^31 are no negative ones: what is sorted wrong is not found. */
static void tally_orders_large_numbers(void **state)
{
    static const uint32_t numbers[] = {1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    _cleanup_(tally_done) struct tally tally = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        for (size_t j = 0; j < ARRAY_SIZE(numbers); j++)
            assert_int_equal(tally_add(&tally, numbers[j], numbers[i], 1), 0);
    tally_finish(&tally);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        assert_entry(&tally, numbers[i], 0, ARRAY_SIZE(numbers), ARRAY_SIZE(numbers));
        for (size_t j = 0; j < ARRAY_SIZE(numbers); j++)
            assert_entry(&tally, numbers[i], numbers[j], 0, 0);
    }
}

/* More than fits in the first piece of memory. */
static void tally_of_many(void **state)
{
    enum { MANY = 5000 };
    _cleanup_(tally_done) struct tally tally = {0};
    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(tally_add(&tally, 10001, (i * 7919) % MANY, 1), 0);
    tally_finish(&tally);
    assert_int_equal(tally.count, MANY);
    assert_entry(&tally, 10001, 0, MANY - 1, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tally_of_nothing),
        cmocka_unit_test(tally_counts_distinct_tags_and_all_rows),
        cmocka_unit_test(tally_orders_large_numbers),
        cmocka_unit_test(tally_of_many),
    };
    return unit_run(tests);
}
