/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "kit.h"
#include "program.h"
#include "verify_kit.h"

json_t *verify(const char *words, int status)
{
    assert_return_code(setns(the_world->netns[PLACE_A], CLONE_NEWNET), errno);
    json_t *document = run_ctl_json(the_world, words, status);

    assert_return_code(setns(the_world->home, CLONE_NEWNET), errno);
    return document;
}

json_t *side_of(json_t *document, const char *iface, const char *direction)
{
    json_t *row;
    size_t i;

    json_array_foreach(json_object_get(document, "interfaces"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "iface")), iface) == 0)
            return json_object_get(row, direction);
    }
    fail_msg("%s is not there", iface);
    return NULL;
}

struct part part_of(json_t *side, const char *name)
{
    json_t *part = json_object_get(side, name);

    assert_non_null(part);
    return (struct part){
        .packets = json_integer_value(json_object_get(part, "packets")),
        .bytes = json_integer_value(json_object_get(part, "bytes")),
    };
}

struct part part_less(struct part a, struct part b)
{
    return (struct part){.packets = a.packets - b.packets, .bytes = a.bytes - b.bytes};
}

void assert_part(const char *what, struct part part, json_int_t packets, json_int_t bytes)
{
    if (part.packets != packets || part.bytes != bytes)
        fail_msg("%s: %lld packets, %lld bytes, not %lld, %lld", what, part.packets, part.bytes, packets, bytes);
}

void assert_explained(json_t *side)
{
    static const char *const ABOVE[] = {"headers", "other", "merged", "unlinked"};
    static const char *const BELOW[] = {"forwarded", "ownerless", "outside", "extra", "unexplained"};
    struct part rest = part_less(part_of(side, "link"), part_of(side, "interface"));

    for (size_t i = 0; i < ARRAY_SIZE(ABOVE); i++)
        rest = part_less(rest, part_of(side, ABOVE[i]));
    assert_part("link", rest, 0, 0);
    rest = part_less(part_of(side, "interface"), part_of(side, "users"));
    for (size_t i = 0; i < ARRAY_SIZE(BELOW); i++)
        rest = part_less(rest, part_of(side, BELOW[i]));
    assert_part("interface", rest, 0, 0);
    assert_part("unexplained", part_of(side, "unexplained"), 0, 0);
    assert_part("moved", part_of(side, "moved"), 0, 0);
}

struct part raised(json_t *first, json_t *then, const char *direction, const char *name)
{
    return part_less(part_of(side_of(then, "a0", direction), name), part_of(side_of(first, "a0", direction), name));
}

json_t *verify_all(void)
{
    json_t *document = verify("verify", 0);

    assert_explained(side_of(document, "a0", "rx"));
    assert_explained(side_of(document, "a0", "tx"));
    assert_explained(side_of(document, "lo", "rx"));
    assert_explained(side_of(document, "lo", "tx"));
    return document;
}

void begin(bool tso, bool gso, bool gro)
{
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    assert_int_equal(world_offload(the_world, tso, gso, gro), 0);
    map_empty(the_world, "traffic_iface_stats_map");
    map_empty(the_world, "traffic_uid_stats_map");
    map_empty(the_world, "trafficctl/iface_parts");
    map_empty(the_world, "trafficctl/iface_base");
    assert_int_equal(world_start_daemon(the_world), 0);
}
