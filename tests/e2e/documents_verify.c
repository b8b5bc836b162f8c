/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verify, but for what the kernel's own statistics of links say: no map has those. */
#include <inttypes.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "documents.h"
#include "documents_kit.h"
#include "fd.h"
#include "meter.h"

struct maps {
    struct dump names, rows, users, spill, hot, parts, bases;
};

struct amount {
    uint64_t packets, bytes;
};

/* Of one direction, all that maps tell. A part is a difference: modulo 2^64, below zero from the half on. */
struct side {
    struct amount before, interface, users;
    struct amount forwarded, ownerless, outside, extra;
};

static const struct member {
    const char *name;
    size_t offset;
    const char *why[2]; /* of a part, rx and tx: what its line in the text ends with */
} members[] = {
    {"before", offsetof(struct side, before), {NULL}},
    {"interface", offsetof(struct side, interface), {NULL}},
    {"users", offsetof(struct side, users), {NULL}},
    {"forwarded", offsetof(struct side, forwarded), {"forwarded", "forwarded"}},
    {"ownerless", offsetof(struct side, ownerless), {"no counted socket took it", "sent by the kernel itself"}},
    {"outside", offsetof(struct side, outside), {"nothing", "sent by sockets that are not counted"}},
    {"extra", offsetof(struct side, extra), {"taken by several sockets", "sent by a socket, dropped before the hooks"}},
};

static struct maps maps_now(void)
{
    struct maps maps = {
        .names = dump_of("traffic_iface_index_name_map"),
        .rows = dump_of("traffic_iface_stats_map"),
        .users = dump_of("traffic_uid_stats_map"),
        .parts = dump_of(TCTL_DIR "/iface_parts"),
        .bases = dump_of(TCTL_DIR "/iface_base"),
    };

    if (the_world->options.percpu) {
        maps.spill = dump_of(TCTL_DIR "/spill");
        maps.hot = dump_of(TCTL_DIR "/hot");
    }
    return maps;
}

static void maps_done(struct maps *maps)
{
    dump_done(&maps->names);
    dump_done(&maps->rows);
    dump_done(&maps->users);
    dump_done(&maps->spill);
    dump_done(&maps->hot);
    dump_done(&maps->parts);
    dump_done(&maps->bases);
}

static bool key_has(const struct dump *dump, size_t row, size_t offset, uint32_t number)
{
    return memcmp((const char *)dump_key(dump, row) + offset, &number, sizeof(number)) == 0;
}

/* All rows that have an interface's number at this offset of the key, and what was spilt of them, or counted often. */
static struct tctl_stats_value sum_on(const struct maps *maps, const struct dump *dump, size_t offset,
                                      enum tctl_stats_map map, uint32_t number)
{
    struct tctl_stats_value sum = {0};
    struct tctl_hot_row hot;

    for (size_t i = 0; i < dump->rows; i++)
        if (key_has(dump, i, offset, number))
            add_cpus(dump, i, &sum);
    for (size_t i = 0; i < maps->spill.rows; i++)
        if (key_has(&maps->spill, i, offsetof(struct tctl_spill_key, map), map) &&
            key_has(&maps->spill, i, offsetof(struct tctl_spill_key, key.iface_index), number))
            add_cpus(&maps->spill, i, &sum);
    for (size_t n = 0; map == TCTL_UID_STATS && dump_hot_row(&maps->hot, n, &hot); n++)
        if (hot.key.iface_index == number)
            add_value(&sum, &hot.value);
    return sum;
}

/* False, and the value stays as it is: there is none. */
static bool value_on(const struct dump *dump, uint32_t number, void *ret_value, size_t size)
{
    for (size_t i = 0; i < dump->rows; i++) {
        if (!key_has(dump, i, 0, number))
            continue;
        assert_int_equal(dump->cpus, 1);
        assert_int_equal(dump->value_size, size);
        memcpy(ret_value, dump_value(dump, i, 0), size);
        return true;
    }
    return false;
}

static struct amount one_way(const struct tctl_stats_value *value, bool out)
{
    if (out)
        return (struct amount){value->tx_packets, value->tx_bytes};
    return (struct amount){value->rx_packets, value->rx_bytes};
}

static struct amount less(struct amount a, struct amount b)
{
    return (struct amount){a.packets - b.packets, a.bytes - b.bytes};
}

static uint64_t above(uint64_t difference)
{
    return difference > INT64_MAX ? 0 : difference;
}

static struct amount all_above(struct amount rest)
{
    return (struct amount){above(rest.packets), above(rest.bytes)};
}

/* Rows from before the base are in the link's statistics as well: those are no traffic that came before them. */
static struct amount before(const struct tctl_iface_base *base, bool out)
{
    const struct amount link = one_way(&base->link, out), rows = one_way(&base->rows, out);

    if (link.packets < rows.packets || link.bytes < rows.bytes)
        return (struct amount){0, 0};
    return less(link, rows);
}

/* The world's control group is not the root: what a socket sent and nobody counted, one outside of it did. */
static void explain_rest(struct side *side, bool out)
{
    struct amount rest = less(less(side->interface, side->users), side->forwarded);

    if (out) {
        rest = less(rest, side->ownerless);
        side->outside = all_above(rest);
    } else {
        side->ownerless = all_above(rest);
    }
    side->extra = less(rest, all_above(rest));
}

static struct side side_now(const struct maps *maps, uint32_t number, bool out)
{
    const struct tctl_stats_value rows = sum_on(maps, &maps->rows, 0, TCTL_IFACE_STATS, number),
                                  users = sum_on(maps, &maps->users, offsetof(struct tctl_stats_key, iface_index),
                                                 TCTL_UID_STATS, number);
    struct tctl_iface_parts parts = {0};
    struct tctl_iface_base base = {0};

    value_on(&maps->parts, number, &parts, sizeof(parts));
    value_on(&maps->bases, number, &base, sizeof(base));
    struct side side = {
        .before = before(&base, out),
        .interface = one_way(&rows, out),
        .users = one_way(&users, out),
        .forwarded = one_way(&parts.forwarded, out),
        .ownerless = one_way(&parts.ownerless, out),
    };
    explain_rest(&side, out);
    return side;
}

static struct amount amount_of(const struct side *side, const struct member *member)
{
    struct amount amount;

    memcpy(&amount, (const char *)side + member->offset, sizeof(amount));
    return amount;
}

static json_int_t integer(const struct member *member, uint64_t value)
{
    return member->why[0] ? (json_int_t)value : saturated(value);
}

static json_t *side_json(const struct side *side)
{
    json_t *json = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct amount amount = amount_of(side, &members[i]);
        json_object_set_new(json, members[i].name,
                            json_pack("{s:I, s:I}", "packets", integer(&members[i], amount.packets), "bytes",
                                      integer(&members[i], amount.bytes)));
    }
    return json;
}

/* Of the text, the lines of parts that are not nothing. */
static void print_side(FILE *out, const char *iface, const struct side *side, bool is_out)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct amount amount = amount_of(side, &members[i]);
        if (members[i].why[0] && (amount.packets || amount.bytes))
            fprintf(out, "%s %s %" PRId64 " %" PRId64 " %s\n", shown(iface), is_out ? "tx" : "rx",
                    (int64_t)amount.bytes, (int64_t)amount.packets, members[i].why[is_out]);
    }
}

static json_t *iface_now(const struct maps *maps, FILE *out, uint32_t number)
{
    const struct side rx = side_now(maps, number, false), tx = side_now(maps, number, true);
    struct tctl_iface_base base;
    char iface[TCTL_IFNAME_LEN];

    iface_of(&maps->names, number, iface);
    print_side(out, iface, &rx, false);
    print_side(out, iface, &tx, true);
    return json_pack("{s:s, s:b, s:o, s:o}", "iface", shown(iface), "noted",
                     value_on(&maps->bases, number, &base, sizeof(base)), "rx", side_json(&rx), "tx", side_json(&tx));
}

/* A name of a number, in a dump's bytes. */
static int compare_names(const void *a, const void *b)
{
    return strcmp((const char *)a + sizeof(uint32_t), (const char *)b + sizeof(uint32_t));
}

/* Whose numbers the kernel knows. The map names also what is gone, and what a test wrote into it. */
static bool is_there(uint32_t number)
{
    char name[IF_NAMESIZE];

    return if_indextoname(number, name) != NULL;
}

static struct expected verify_now(const void *context)
{
    _cleanup_(maps_done) struct maps maps = maps_now();
    json_t *interfaces = json_array();
    struct expected expected = {0};
    uint32_t number;
    size_t length;
    FILE *out = open_memstream(&expected.text, &length);

    (void)context;
    assert_non_null(out);
    qsort(maps.names.bytes, maps.names.rows, sizeof(number) + TCTL_IFNAME_LEN, compare_names);
    for (size_t i = 0; i < maps.names.rows; i++) {
        memcpy(&number, dump_key(&maps.names, i), sizeof(number));
        if (is_there(number))
            json_array_append_new(interfaces, iface_now(&maps, out, number));
    }
    assert_int_equal(fclose(out), 0);
    expected.json = json_pack("{s:o}", "interfaces", interfaces);
    return expected;
}

static bool is_of_maps(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return true;
    return false;
}

static void narrow_side(json_t *side)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(side, next, name, value)
    {
        if (!is_of_maps(name))
            json_object_del(side, name);
    }
}

static void narrow(json_t *document)
{
    json_t *iface;
    size_t i;

    json_array_foreach(json_object_get(document, "interfaces"), i, iface)
    {
        narrow_side(json_object_get(iface, "rx"));
        narrow_side(json_object_get(iface, "tx"));
    }
}

void verify_agrees(void)
{
    /* what tests write no link has carried, so it may well exit with 4 */
    comes_to_agree(&(struct document){"verify || [ $? = 4 ]", "", false, verify_now, NULL, narrow});
}
