/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "top_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void top_traffic(void)
{
    struct udp busy = udp_pair(the_world, BUSY, AF_INET, 1), tagged = udp_pair(the_world, TAGGED, AF_INET, 2);
    struct udp blocked = udp_pair(the_world, BLOCKED, AF_INET, 3);

    tag_write(the_world, tagged.a, TAGGED, TAG);
    wall("firewall enable standby");
    wall("firewall deny standby %d", BLOCKED);
    for (size_t i = 0; i < 9; i++) {
        udp_send(busy.a, busy.b, 500 + i);
        udp_send(busy.b, busy.a, 1000);
        udp_send(tagged.a, tagged.b, 72);
        assert_false(sends(&blocked));
    }
    udp_close(&busy);
    udp_close(&tagged);
    udp_close(&blocked);
}

uint64_t top_blocked(uint32_t uid)
{
    char words[64];
    json_t *document, *row;
    json_int_t sum = 0;
    size_t i;

    snprintf(words, sizeof(words), "stats drops %u", uid);
    document = run_ctl_json(the_world, words, 0);
    json_array_foreach(json_object_get(document, "drops"), i, row) sum +=
        json_integer_value(json_object_get(row, "rx_packets")) + json_integer_value(json_object_get(row, "tx_packets"));
    json_decref(document);
    return (uint64_t)sum;
}

json_t *top_json(const char *out, uint32_t uid)
{
    char text[512];

    for (const char *at = out; *at; at = strchr(at, '\n') + 1) {
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "\n"), at);
        json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_integer_value(json_object_get(line, "version")), 1);
        if (json_integer_value(json_object_get(line, "uid")) == uid)
            return line;
        json_decref(line);
    }
    return NULL;
}

uint64_t top_member(const json_t *line, const char *name)
{
    json_t *value = json_object_get(line, name);

    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}
