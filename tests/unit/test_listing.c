/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading every row of a map that changes meanwhile: the kernel is a small table here that changes when it should. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cleanup.h"
#include "names.h"
#include "read.h"

#define ROWS 1200
#define KERNEL_ENOTSUPP 524
/* So large that not all rows are asked for at once. */
#define WIDE 65536

/* A map of keys 1 to ROWS, each with itself as value. */
static struct {
    bool gone[ROWS + 1];
    bool has_batches;
    uint32_t value_size;
    uint32_t bucket;         /* rows in a bucket: a batch of fewer has no room for it */
    uint32_t delete_current; /* deleted as soon as it was handed out */
    bool always_delete;      /* a key that was handed out is deleted and made again: the listing never ends */
    int look_up_error;
    uint32_t batches;
} map;

static const struct read_shape shape = {.key_size = 4, .value_size = 8, .cpus = 1, .max_entries = ROWS};
static const struct read_shape wide = {.key_size = 4, .value_size = WIDE, .cpus = 1, .max_entries = ROWS};

static int fake_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
                      const struct bpf_map_batch_opts *options)
{
    (void)fd;
    (void)options;
    if (!map.has_batches)
        return -KERNEL_ENOTSUPP;
    if (*count < map.bucket) {
        *count = 0;
        return -ENOSPC;
    }
    uint32_t at = in ? *(uint32_t *)in : 0, filled = 0;
    for (; at < ROWS && filled < *count; at++) {
        uint64_t value = at + 1;
        if (map.gone[at + 1])
            continue;
        memcpy((char *)keys + 4 * filled, &(uint32_t){at + 1}, 4);
        memcpy((char *)values + (size_t)map.value_size * filled, &value, 8);
        filled++;
    }
    *count = filled;
    *(uint32_t *)out = at;
    map.batches++;
    return at == ROWS ? -ENOENT : 0;
}

static uint32_t first_after(uint32_t key)
{
    for (key++; key <= ROWS && map.gone[key]; key++)
        ;
    return key;
}

/* As the kernel: after a key that is not there comes the first one. */
static int fake_next(int fd, const void *key, void *next_key)
{
    (void)fd;
    uint32_t at = 0;
    if (key)
        memcpy(&at, key, 4);
    uint32_t next = first_after(at && (map.gone[at] || map.always_delete) ? 0 : at);
    if (next > ROWS)
        return -ENOENT;
    memcpy(next_key, &next, 4);
    map.gone[map.delete_current] |= next == map.delete_current;
    return 0;
}

static int fake_look_up(int fd, const void *key, void *value)
{
    (void)fd;
    uint32_t at;
    memcpy(&at, key, 4);
    if (map.look_up_error)
        return map.look_up_error;
    if (map.gone[at])
        return -ENOENT;
    memcpy(value, &(uint64_t){at}, 8);
    return 0;
}

static const struct read_calls fake = {fake_batch, fake_next, fake_look_up};

static int reset(void **state)
{
    (void)state;
    memset(&map, 0, sizeof(map));
    map.has_batches = true;
    map.value_size = shape.value_size;
    return 0;
}

struct seen {
    uint32_t times[ROWS + 1];
    size_t rows;
    int answer;
};

static int see(void *context, const void *key, const void *value)
{
    struct seen *seen = context;
    uint32_t at;
    uint64_t content;
    memcpy(&at, key, 4);
    memcpy(&content, value, 8);
    assert_int_equal(content, at);
    seen->times[at]++;
    seen->rows++;
    return seen->answer;
}

static void assert_each_once(const struct seen *seen)
{
    for (size_t i = 1; i <= ROWS; i++)
        assert_int_equal(seen->times[i], !map.gone[i]);
}

static void listing_in_batches(void **state)
{
    (void)state;
    struct seen seen = {0};
    map.gone[5] = true;
    map.value_size = WIDE;
    assert_int_equal(read_map(&fake, -1, &wide, see, &seen), 0);
    assert_each_once(&seen);
    assert_true(map.batches > 1);
}

static void listing_of_nothing(void **state)
{
    (void)state;
    struct seen seen = {0};
    memset(map.gone, true, sizeof(map.gone));
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), 0);
    map.has_batches = false;
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), 0);
    assert_int_equal(seen.rows, 0);
}

static void listing_grows_for_a_full_bucket(void **state)
{
    (void)state;
    struct seen seen = {0};
    map.bucket = 1100;
    map.value_size = WIDE;
    assert_int_equal(read_map(&fake, -1, &wide, see, &seen), 0);
    assert_each_once(&seen);
}

static void listing_by_key_without_batches(void **state)
{
    (void)state;
    struct seen seen = {0};
    map.has_batches = false;
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), 0);
    assert_each_once(&seen);
}

/* TestIterateMapWithDeletion */
static void listing_survives_deletion_of_the_current_key(void **state)
{
    (void)state;
    struct seen seen = {0};
    map.has_batches = false;
    map.delete_current = 700;
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), 0);
    assert_true(map.gone[700]);
    assert_int_equal(seen.rows, ROWS - 1);
    assert_each_once(&seen);
}

static void listing_gives_up_on_endless_deletion(void **state)
{
    (void)state;
    struct seen seen = {0};
    map.has_batches = false;
    map.always_delete = true;
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), -EAGAIN);
    assert_int_equal(seen.rows, 0);
}

static void listing_forwards_errors(void **state)
{
    (void)state;
    struct seen seen = {.answer = -ENOMEM};
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), -ENOMEM);
    assert_int_equal(seen.rows, 1);
    map.has_batches = false;
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), -ENOMEM);
    assert_int_equal(seen.rows, 2);
    map.look_up_error = -EPERM;
    assert_int_equal(read_map(&fake, -1, &shape, see, &seen), -EPERM);
    assert_int_equal(seen.rows, 2);
}

/* Without a map: the kernel's name, else the number. */
static void names_fall_back(void **state)
{
    (void)state;
    _cleanup_(names_done) struct names here = {.map_fd = -1, .ask_kernel = true};
    assert_string_equal(names_get(&here, 1), "lo");
    assert_string_equal(names_get(&here, 0), "0");
    assert_string_equal(names_get(&here, INT32_MAX), "2147483647");
    assert_string_equal(names_get(&here, TCTL_REMOVED_FIRST), "removed");
    assert_string_equal(names_get(&here, TCTL_REMOVED_ALL), "removed");
    assert_string_equal(names_get(&here, 1), "lo");
    assert_int_equal(here.count, 5); /* each is kept once */
    _cleanup_(names_done) struct names elsewhere = {.map_fd = -1, .ask_kernel = false};
    assert_string_equal(names_get(&elsewhere, 1), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(listing_in_batches, reset),
        cmocka_unit_test_setup(listing_of_nothing, reset),
        cmocka_unit_test_setup(listing_grows_for_a_full_bucket, reset),
        cmocka_unit_test_setup(listing_by_key_without_batches, reset),
        cmocka_unit_test_setup(listing_survives_deletion_of_the_current_key, reset),
        cmocka_unit_test_setup(listing_gives_up_on_endless_deletion, reset),
        cmocka_unit_test_setup(listing_forwards_errors, reset),
        cmocka_unit_test(names_fall_back),
    };
    return unit_run(tests);
}
