/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Among them netd's BpfNetworkStatsTest, as far as it is about values. */
#include "unit.h"

#include <string.h>

#include "cleanup.h"
#include "merge.h"

#define UID1 10029u
#define UID2 0x86A2B5CAu /* above 2^31 */
#define TAG1 0x01234567u
#define TAG2 0xFFFFFF01u

enum { WLAN = 1, MOBILE, WLAN_AGAIN, LONG_NAME, UNKNOWN };

static const char *name_of(void *calls, uint32_t index)
{
    static const char *const names[] = {"0", "wlan0", "rmnet0", "wlan0", "veryverylongname0"};
    ++*(size_t *)calls;
    return index < ARRAY_SIZE(names) ? names[index] : "4321";
}

/* Counters that are told apart: n, 10 n, 100 n, 1000 n. */
static struct stats_row row_of(uint32_t uid, uint32_t tag, uint32_t set, uint32_t iface, uint64_t n)
{
    return (struct stats_row){
        .key = {.uid = uid, .tag = tag, .counter_set = set, .iface_index = iface},
        .value = {.rx_packets = n, .rx_bytes = 10 * n, .tx_packets = 100 * n, .tx_bytes = 1000 * n},
    };
}

static void assert_counters(const struct tctl_counters *counters, uint64_t n)
{
    assert_int_equal(counters->rx_packets, n);
    assert_int_equal(counters->rx_bytes, 10 * n);
    assert_int_equal(counters->tx_packets, 100 * n);
    assert_int_equal(counters->tx_bytes, 1000 * n);
}

static void assert_detail(const struct tctl_detail_row *row, const char *iface, uint32_t uid, uint32_t tag,
                          uint32_t set, uint64_t n)
{
    assert_string_equal(row->iface, iface);
    assert_int_equal(row->uid, uid);
    assert_int_equal(row->tag, tag);
    assert_int_equal(row->set, set);
    assert_counters(&row->counters, n);
}

static size_t count_ifaces(const struct stats_row *rows, size_t count)
{
    size_t ifaces = 0;
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (rows[first].key.iface_index != rows[i].key.iface_index)
            first++;
        ifaces += first == i;
    }
    return ifaces;
}

/* Merged details of rows; the caller frees. No interface is asked for twice. */
static struct tctl_detail_row *details(const struct stats_row *rows, size_t count, const struct tctl_filter *filter,
                                       size_t *ret_count)
{
    size_t calls = 0;
    struct tctl_detail_row *merged = NULL;
    assert_int_equal(merge_details(rows, count, filter, name_of, &calls, &merged, ret_count), 0);
    assert_true(calls <= count_ifaces(rows, count));
    assert_int_equal(*ret_count == 0, merged == NULL);
    return merged;
}

static void merge_sorts_by_iface_uid_tag_set(void **state)
{
    (void)state;
    const struct stats_row rows[] = {
        row_of(UID1, TAG1, 1, WLAN, 1), row_of(UID2, 0, 0, WLAN, 2),   row_of(UID1, TAG1, 0, WLAN, 3),
        row_of(UID1, TAG2, 0, WLAN, 4), row_of(UID1, 0, 0, MOBILE, 5), row_of(UID1, 0, 0, WLAN, 6),
        row_of(0, 0, 0, LONG_NAME, 7),
    };
    size_t count;
    _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), NULL, &count);
    assert_int_equal(count, 7);
    assert_detail(&merged[0], "rmnet0", UID1, 0, 0, 5);
    assert_detail(&merged[1], "veryverylongnam", 0, 0, 0, 7);
    assert_detail(&merged[2], "wlan0", UID1, 0, 0, 6);
    assert_detail(&merged[3], "wlan0", UID1, TAG1, 0, 3);
    assert_detail(&merged[4], "wlan0", UID1, TAG1, 1, 1);
    assert_detail(&merged[5], "wlan0", UID1, TAG2, 0, 4);
    assert_detail(&merged[6], "wlan0", UID2, 0, 0, 2);
}

/* TestGetStatsSortedAndGrouped */
static void merge_sums_equal_names(void **state)
{
    (void)state;
    const struct stats_row rows[] = {
        row_of(UID1, TAG1, 0, WLAN, 1),   row_of(UID1, TAG1, 1, WLAN_AGAIN, 2), row_of(UID1, TAG1, 0, WLAN_AGAIN, 4),
        row_of(UID1, TAG1, 0, MOBILE, 8), row_of(UID1, 0, 0, WLAN, 16),         row_of(UID1, TAG1, 0, WLAN, 32),
    };
    size_t count;
    _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), NULL, &count);
    assert_int_equal(count, 4);
    assert_detail(&merged[0], "rmnet0", UID1, TAG1, 0, 8);
    assert_detail(&merged[1], "wlan0", UID1, 0, 0, 16);
    assert_detail(&merged[2], "wlan0", UID1, TAG1, 0, 1 + 4 + 32);
    assert_detail(&merged[3], "wlan0", UID1, TAG1, 1, 2);
}

/* TestGetStatsSortAndOverflow */
static void merge_compares_uids_and_tags_unsigned(void **state)
{
    (void)state;
    static const uint32_t ordered[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
    struct stats_row rows[ARRAY_SIZE(ordered)];
    for (size_t field = 0; field < 3; field++) {
        for (size_t i = 0; i < ARRAY_SIZE(ordered); i++) {
            uint32_t value = ordered[(i * 5 + 3) % ARRAY_SIZE(ordered)];
            rows[i] = row_of(field == 0 ? value : 1, field == 1 ? value : 1, field == 2 ? value : 1, WLAN, 1);
        }
        size_t count;
        _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), NULL, &count);
        assert_int_equal(count, ARRAY_SIZE(ordered));
        for (size_t i = 0; i < count; i++) {
            const uint32_t fields[] = {merged[i].uid, merged[i].tag, merged[i].set};
            assert_int_equal(fields[field], ordered[i]);
        }
    }
}

static void merge_sums_in_64_bits(void **state)
{
    (void)state;
    const struct stats_row rows[] = {
        row_of(UID1, 0, 0, WLAN, UINT32_MAX),
        row_of(UID1, 0, 0, WLAN_AGAIN, UINT32_MAX),
        row_of(UID1, 0, 0, WLAN, 1ull << 50),
    };
    size_t count;
    _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), NULL, &count);
    assert_int_equal(count, 1);
    assert_detail(&merged[0], "wlan0", UID1, 0, 0, (1ull << 50) + 2 * (uint64_t)UINT32_MAX);
}

/* TestGetStatsDetail: each further limit leaves fewer rows. */
static void merge_filters(void **state)
{
    (void)state;
    const struct stats_row rows[] = {
        row_of(UID1, TAG1, 0, WLAN, 1),
        row_of(UID1, TAG2, 0, WLAN, 2),
        row_of(UID1, TAG1, 0, MOBILE, 4),
        row_of(UID2, TAG1, 0, WLAN, 8),
    };
    struct tctl_filter filter = {0};
    size_t count;
    free(details(rows, ARRAY_SIZE(rows), &filter, &count));
    assert_int_equal(count, 4);
    filter = (struct tctl_filter){.has_uid = true, .uid = UID1};
    free(details(rows, ARRAY_SIZE(rows), &filter, &count));
    assert_int_equal(count, 3);
    filter = (struct tctl_filter){.has_uid = true, .uid = UID1, .has_tag = true, .tag = TAG1};
    free(details(rows, ARRAY_SIZE(rows), &filter, &count));
    assert_int_equal(count, 2);
    filter.ifaces = (const char *const[]){"eth9", "wlan0"};
    filter.iface_count = 2;
    _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), &filter, &count);
    assert_int_equal(count, 1);
    assert_detail(&merged[0], "wlan0", UID1, TAG1, 0, 1);
}

static void merge_filters_by_set_and_tag_zero(void **state)
{
    (void)state;
    const struct stats_row rows[] = {row_of(UID1, 0, 0, WLAN, 1), row_of(UID1, TAG1, 1, WLAN, 2)};
    size_t count;
    struct tctl_filter filter = {.has_set = true, .set = 1};
    _cleanup_free_ struct tctl_detail_row *front = details(rows, ARRAY_SIZE(rows), &filter, &count);
    assert_int_equal(count, 1);
    assert_detail(&front[0], "wlan0", UID1, TAG1, 1, 2);
    filter = (struct tctl_filter){.has_tag = true, .tag = 0};
    _cleanup_free_ struct tctl_detail_row *untagged = details(rows, ARRAY_SIZE(rows), &filter, &count);
    assert_int_equal(count, 1);
    assert_detail(&untagged[0], "wlan0", UID1, 0, 0, 1);
    filter = (struct tctl_filter){.ifaces = (const char *const[]){"eth9"}, .iface_count = 1};
    assert_null(details(rows, ARRAY_SIZE(rows), &filter, &count));
}

/* TestGetStatsWithSkippedIface, TestUnkownIfaceError: netd leaves such rows out, here none is lost. */
static void merge_keeps_unknown_ifaces(void **state)
{
    (void)state;
    const struct stats_row rows[] = {row_of(UID1, 0, 0, UNKNOWN, 1), row_of(UID1, 0, 0, 0, 2),
                                     row_of(UID1, 0, 0, WLAN, 4)};
    size_t count;
    _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), NULL, &count);
    assert_int_equal(count, 3);
    assert_detail(&merged[0], "0", UID1, 0, 0, 2);
    assert_detail(&merged[1], "4321", UID1, 0, 0, 1);
    assert_detail(&merged[2], "wlan0", UID1, 0, 0, 4);
}

/* TestGetIfaceStatsInternal, TestGetIfaceStatsDetail */
static void merge_ifaces_by_name(void **state)
{
    (void)state;
    const struct stats_row rows[] = {
        row_of(0, 0, 0, WLAN, 1),
        row_of(0, 0, 0, MOBILE, 2),
        row_of(0, 0, 0, WLAN_AGAIN, 4),
        row_of(0, 0, 0, LONG_NAME, 8),
    };
    size_t calls = 0, count;
    _cleanup_free_ struct tctl_iface_row *merged = NULL;
    assert_int_equal(merge_ifaces(rows, ARRAY_SIZE(rows), name_of, &calls, &merged, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(merged[0].iface, "rmnet0");
    assert_counters(&merged[0].counters, 2);
    assert_string_equal(merged[1].iface, "veryverylongnam");
    assert_counters(&merged[1].counters, 8);
    assert_string_equal(merged[2].iface, "wlan0");
    assert_counters(&merged[2].counters, 1 + 4);
}

static void merge_uids_ascending(void **state)
{
    (void)state;
    /* A UID twice: its row and its spill. */
    const struct stats_row rows[] = {row_of(UID2, 0, 0, 0, 1), row_of(UID1, 0, 0, 0, 2), row_of(0, 0, 0, 0, 4),
                                     row_of(UID1, 0, 0, 0, 8)};
    size_t count;
    _cleanup_free_ struct tctl_uid_row *merged = NULL;
    assert_int_equal(merge_uids(rows, ARRAY_SIZE(rows), &merged, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(merged[0].uid, 0);
    assert_counters(&merged[0].counters, 4);
    assert_int_equal(merged[1].uid, UID1);
    assert_counters(&merged[1].counters, 2 + 8);
    assert_int_equal(merged[2].uid, UID2);
    assert_counters(&merged[2].counters, 1);
}

static int compare_details(const struct tctl_detail_row *a, const struct tctl_detail_row *b)
{
    const uint32_t x[] = {a->uid, a->tag, a->set}, y[] = {b->uid, b->tag, b->set};
    int order = strcmp(a->iface, b->iface);
    for (size_t i = 0; i < ARRAY_SIZE(x) && order == 0; i++)
        order = (x[i] > y[i]) - (x[i] < y[i]);
    return order;
}

/* Numbers of which every byte matters, few enough of them that many rows are of equal names. */
static void merge_orders_many(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0, 1, 0xFF, 0x100, 0x1FF, 0xFF00, 0x10000, 0xFF0000, 0x1000000, 0xFF000000};
    static struct stats_row rows[5000];
    uint64_t sum = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const size_t n = (i * 2654435761u) >> 7; /* anyhow */
        rows[i] = row_of(numbers[n % 10], numbers[n / 10 % 10], n / 100 % 2, (uint32_t)(n / 200 % 6), i);
        sum += i;
    }
    size_t count;
    _cleanup_free_ struct tctl_detail_row *merged = details(rows, ARRAY_SIZE(rows), NULL, &count);
    assert_in_range(count, 500, 10 * 10 * 2 * 5);
    for (size_t i = 0; i < count; i++) {
        sum -= merged[i].counters.rx_packets;
        if (i > 0)
            assert_true(compare_details(&merged[i - 1], &merged[i]) < 0);
    }
    assert_int_equal(sum, 0);
}

static const char *numbered(void *calls, uint32_t index)
{
    static char text[TCTL_IFACE_LEN];
    snprintf(text, sizeof(text), "if%u", index % 300);
    ++*(size_t *)calls;
    return text;
}

/* Each is asked for its name once, also those that share one. */
static void merge_knows_many_interfaces(void **state)
{
    (void)state;
    static struct stats_row rows[3000];
    size_t calls = 0, count;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        rows[i] = row_of(UID1, 0, 0, (uint32_t)(0x80000000u + i % 1000), 1);
    struct tctl_detail_row *merged = NULL;
    assert_int_equal(merge_details(rows, ARRAY_SIZE(rows), NULL, numbered, &calls, &merged, &count), 0);
    assert_int_equal(calls, 1000);
    assert_int_equal(count, 300);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(merged[i].counters.rx_packets, 9, 12);
        if (i > 0)
            assert_true(compare_details(&merged[i - 1], &merged[i]) < 0);
    }
    free(merged);
}

static void merge_of_nothing(void **state)
{
    (void)state;
    size_t calls = 0, count = 7;
    struct tctl_uid_row *uids = (void *)&calls;
    struct tctl_iface_row *ifaces = (void *)&calls;
    assert_int_equal(merge_uids(NULL, 0, &uids, &count), 0);
    assert_null(uids);
    assert_int_equal(count, 0);
    count = 7;
    assert_int_equal(merge_ifaces(NULL, 0, name_of, &calls, &ifaces, &count), 0);
    assert_null(ifaces);
    assert_int_equal(count, 0);
    assert_null(details(NULL, 0, NULL, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_sorts_by_iface_uid_tag_set),
        cmocka_unit_test(merge_sums_equal_names),
        cmocka_unit_test(merge_compares_uids_and_tags_unsigned),
        cmocka_unit_test(merge_sums_in_64_bits),
        cmocka_unit_test(merge_filters),
        cmocka_unit_test(merge_filters_by_set_and_tag_zero),
        cmocka_unit_test(merge_keeps_unknown_ifaces),
        cmocka_unit_test(merge_ifaces_by_name),
        cmocka_unit_test(merge_uids_ascending),
        cmocka_unit_test(merge_orders_many),
        cmocka_unit_test(merge_knows_many_interfaces),
        cmocka_unit_test(merge_of_nothing),
    };
    return unit_run(tests);
}
