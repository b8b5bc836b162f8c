/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "top_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pane.h"

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

bool top_line_of(const char *screen, uint32_t uid, struct top_line *ret_line)
{
    for (const char *at = screen; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        struct top_line line;
        if (sscanf(at, "%u %lu %lu %lu %lu %lu %lu %lu", &line.uid, &line.rx_rate, &line.tx_rate, &line.packet_rate,
                   &line.rx, &line.tx, &line.blocked_rate, &line.blocked) != 8 ||
            line.uid != uid)
            continue;
        *ret_line = line;
        return true;
    }
    return false;
}

struct expected {
    uint32_t uid;
    struct tctl_counters total;
    uint64_t blocked;
};

static bool rests(const char *screen, void *arg)
{
    const struct expected *expected = arg;
    struct top_line line;

    return top_line_of(screen, expected->uid, &line) && line.rx_rate + line.tx_rate + line.packet_rate == 0 &&
           line.blocked_rate == 0 && line.rx == expected->total.rx_bytes && line.tx == expected->total.tx_bytes &&
           line.blocked == expected->blocked;
}

void top_rests(uint32_t uid)
{
    struct expected expected = {.uid = uid, .total = uid_total(the_world, uid), .blocked = top_blocked(uid)};
    char what[128];

    snprintf(what, sizeof(what), "a line that rests: %u, %lu received, %lu sent, %lu blocked", uid,
             expected.total.rx_bytes, expected.total.tx_bytes, expected.blocked);
    pane_until(rests, &expected, what);
}
