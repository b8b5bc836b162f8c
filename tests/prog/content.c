/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "content.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "fd.h"
#include "read.h"

static struct read_shape shape_of(int fd)
{
    struct read_shape shape;
    assert_int_equal(read_shape_of(fd, &shape), 0);
    return shape;
}

/* Numbers that tell rows, words and CPUs apart. */
static void make_value(enum pin_id id, uint32_t row, const struct read_shape *shape, void *value)
{
    uint64_t *words = value;
    memset(value, 0, shape->value_size);
    if (pins[id].value_size < sizeof(*words)) {
        *(unsigned char *)value = 1;
        return;
    }
    for (size_t i = 0; i < shape->value_size / sizeof(*words); i++)
        words[i] = (uint64_t)row * 1000 + i + 1;
    if (id == PIN_UID_RULES || id == PIN_UID_IFACE)
        words[0] = row | UINT64_C(7) << 32;
    if (id == PIN_DROPS) /* the lock */
        ((uint32_t *)value)[0] = 0;
}

void content_fill(const struct fixture *fixture, enum pin_id id, uint32_t first, uint32_t count)
{
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    struct read_shape shape = shape_of(fd);
    _cleanup_free_ void *value = malloc(shape.value_size);
    uint32_t key[8] = {0};
    assert_non_null(value);
    for (uint32_t row = first; row < first + count; row++) {
        key[id == PIN_SPILL] = row; /* after the map, which is 0 */
        make_value(id, row, &shape, value);
        assert_return_code(bpf_map_update_elem(fd, key, value, BPF_ANY), errno);
    }
}

struct reading {
    struct content *content;
    const struct read_shape *shape;
    size_t room, value_size;
};

static int take(void *context, const void *key, const void *value)
{
    struct reading *reading = context;
    struct content *content = reading->content;
    if (content->count == reading->room) {
        reading->room = reading->room ? 2 * reading->room : 256;
        content->rows = reallocarray(content->rows, reading->room, content->size);
        assert_non_null(content->rows);
    }
    unsigned char *row = content->rows + content->count++ * content->size;
    memcpy(row, key, reading->shape->key_size);
    memcpy(row + reading->shape->key_size, value, reading->value_size);
    for (uint32_t cpu = 1; cpu < reading->shape->cpus; cpu++) {
        for (size_t at = 0; at < reading->value_size; at += sizeof(uint64_t)) {
            uint64_t sum, more;
            memcpy(&sum, row + reading->shape->key_size + at, sizeof(sum));
            memcpy(&more, (const char *)value + cpu * reading->value_size + at, sizeof(more));
            sum += more;
            memcpy(row + reading->shape->key_size + at, &sum, sizeof(sum));
        }
    }
    return 0;
}

static int compare(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(const size_t *)size);
}

struct content content_read(const struct fixture *fixture, enum pin_id id)
{
    struct content content = {0};
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    struct read_shape shape = shape_of(fd);
    struct reading reading = {.content = &content, .shape = &shape, .value_size = shape.value_size / shape.cpus};
    content.size = shape.key_size + reading.value_size;
    assert_int_equal(read_map(&read_kernel, fd, &shape, take, &reading), 0);
    if (content.count > 0)
        qsort_r(content.rows, content.count, content.size, compare, &content.size);
    return content;
}

void content_done(struct content *content)
{
    free(content->rows);
    *content = (struct content){0};
}

void content_assert_same(const struct content *a, const struct content *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->size, b->size);
    if (a->count > 0)
        assert_memory_equal(a->rows, b->rows, a->count * a->size);
}

uint32_t content_room(const struct fixture *fixture, enum pin_id id)
{
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    return shape_of(fd).max_entries;
}
