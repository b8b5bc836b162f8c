/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "second_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "iface_kit.h"
#include "meter.h"

json_t *json_of(size_t flags, const char *format, ...)
{
    char command[512];
    json_error_t error;
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    _cleanup_free_ char *text = output_of(command);
    json_t *json = json_loads(text, flags | JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s: %s at line %d", command, error.text, error.line);
    return json;
}

/* ["0x01","0x00"] */
static size_t take_bytes(const json_t *array, unsigned char *ret_bytes)
{
    const json_t *byte;
    size_t i;

    assert_true(json_array_size(array) > 0);
    json_array_foreach(array, i, byte)
    {
        ret_bytes[i] = (unsigned char)strtoul(json_string_value(byte), NULL, 16);
    }
    return json_array_size(array);
}

/* {"key": [...], "value": [...]}, or "values": [{"cpu": 0, "value": [...]}, ...]. */
static size_t cpus_of(const json_t *row)
{
    const json_t *values = json_object_get(row, "values");

    return values ? json_array_size(values) : 1;
}

static const json_t *value_of(const json_t *row, size_t cpu)
{
    const json_t *values = json_object_get(row, "values");

    return json_object_get(values ? json_array_get(values, cpu) : row, "value");
}

static size_t row_size(const struct dump *dump)
{
    return dump->key_size + dump->cpus * dump->value_size;
}

static void take_row(const struct dump *dump, const json_t *row, unsigned char *ret_bytes)
{
    assert_int_equal(cpus_of(row), dump->cpus);
    assert_int_equal(take_bytes(json_object_get(row, "key"), ret_bytes), dump->key_size);
    for (size_t cpu = 0; cpu < dump->cpus; cpu++)
        assert_int_equal(take_bytes(value_of(row, cpu), ret_bytes + dump->key_size + cpu * dump->value_size),
                         dump->value_size);
}

/* For rows that are all like the first. */
static struct dump dump_new(const json_t *rows)
{
    const json_t *first = json_array_get(rows, 0);
    struct dump dump = {
        .rows = json_array_size(rows),
        .key_size = json_array_size(json_object_get(first, "key")),
        .value_size = first ? json_array_size(value_of(first, 0)) : 0,
        .cpus = first ? cpus_of(first) : 0,
    };

    dump.bytes = calloc(dump.rows + 1, row_size(&dump) + 1);
    assert_non_null(dump.bytes);
    return dump;
}

/* Beside the bytes it prints numbers as BTF describes them, which may be larger than an integer of JSON's readers. */
struct dump dump_of(const char *pin)
{
    json_t *rows = json_of(JSON_DECODE_INT_AS_REAL, "bpftool -j map dump pinned %s/%s", the_world->bpffs, pin), *row;
    size_t i;

    assert_true(json_is_array(rows));
    struct dump dump = dump_new(rows);
    json_array_foreach(rows, i, row)
    {
        take_row(&dump, row, dump.bytes + i * row_size(&dump));
    }
    json_decref(rows);
    return dump;
}

void dump_done(struct dump *dump)
{
    free(dump->bytes);
}

const void *dump_key(const struct dump *dump, size_t row)
{
    return dump->bytes + row * row_size(dump);
}

const void *dump_value(const struct dump *dump, size_t row, size_t cpu)
{
    return dump->bytes + row * row_size(dump) + dump->key_size + cpu * dump->value_size;
}

bool dump_hot_row(const struct dump *hot, size_t n, struct tctl_hot_row *ret_row)
{
    for (size_t entry = 0; entry < hot->rows; entry++) {
        const char *rows = dump_value(hot, entry, 0);
        for (size_t i = 0; i < TCTL_HOT_CHUNK; i++) {
            memcpy(ret_row, rows + i * sizeof(*ret_row), sizeof(*ret_row));
            if (ret_row->used & TCTL_HOT_COUNTS && n-- == 0)
                return true;
        }
    }
    return false;
}

json_int_t dump_room(const char *pin)
{
    json_t *map = json_of(0, "bpftool -j map show pinned %s/%s", the_world->bpffs, pin);
    json_int_t room = json_integer_value(json_object_get(map, "max_entries"));

    json_decref(map);
    return room;
}
