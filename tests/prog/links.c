/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "links.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <traffic.skel.h>

#include <net/if.h>

#include "calls.h"
#include "fd.h"
#include "inside.h"
#include "job.h"
#include "kernel.h"
#include "link.h"
#include "link_object.h"
#include "maps.h"
#include "meter.h"
#include "nft.h"

struct links *links_new(bool percpu)
{
    const struct world_options options = {.percpu = percpu, .no_daemon = true};
    struct links *links = calloc(1, sizeof(*links));

    assert_non_null(links);
    assert_int_equal(world_new(&options, &links->world), 0);
    the_world = links->world;
    assert_int_equal(place_enter(links->world, PLACE_A), 0);
    links->a0 = if_nametoindex("a0");
    links->fixture = fixture_new(percpu);
    fixture_load(links->fixture);
    assert_int_equal(place_leave(links->world), 0);
    assert_int_not_equal(links->a0, 0);
    return links;
}

struct links *links_free(struct links *links)
{
    links_remove(links);
    nft_talk_free(links->rules);
    fixture_free(links->fixture);
    the_world = world_free(links->world);
    free(links);
    return NULL;
}

/* As if the programs of traffic.bpf.c had just been loaded over the maps that are pinned. */
static void use_pinned(const struct links *links, struct job *job)
{
    static const enum pin_id used[] = {PIN_IFACE_STATS, PIN_IFACE_PARTS, PIN_STATE, PIN_SPILL, PIN_BUSY};

    kernel_find_out(links->fixture->options.percpu, &job->kernel);
    job->skeleton = traffic__open();
    assert_non_null(job->skeleton);
    assert_int_equal(maps_shape(job), 0);
    for (size_t i = 0; i < ARRAY_SIZE(used); i++)
        if (maps_wanted(job, used[i]))
            job->found[used[i]] = fixture_pin(links->fixture, used[i]);
    assert_int_equal(maps_reuse(job), 0);
}

int links_load(const struct links *links, bool repairs, struct fault *why)
{
    struct fault fault = {0};
    struct job *job = job_new(&links->fixture->options, NULL, &fault);
    int r;

    assert_non_null(job);
    job->repairs = repairs;
    use_pinned(links, job);
    r = link_object_load(job, why);
    if (r == 0)
        r = link_object_put(job, why);
    undo_forget(&job->undo);
    job_freep(&job);
    return r;
}

int links_put(const struct links *links, struct fault *fault)
{
    struct link_held held = LINK_HELD_NONE;
    int r;

    assert_int_equal(place_enter(links->world, PLACE_A), 0);
    r = link_put(links->fixture->bpffs, &held, fault);
    link_held_done(&held);
    assert_int_equal(place_leave(links->world), 0);
    return r;
}

uint32_t links_look(const struct links *links)
{
    struct fault fault = {0};
    uint32_t there;

    assert_int_equal(place_enter(links->world, PLACE_A), 0);
    assert_int_equal(link_look(links->fixture->bpffs, &there, &fault), 0);
    assert_int_equal(place_leave(links->world), 0);
    return there;
}

void links_remove(const struct links *links)
{
    struct fault fault = {0};

    assert_int_equal(link_remove(links->fixture->bpffs, &fault), 0);
}

void links_on(const struct links *links)
{
    struct fault fault = {0};

    if (links_load(links, false, &fault) < 0 || links_put(links, &fault) < 0)
        fail_msg("%s", fault.text);
    assert_int_equal(links_look(links), TCTL_ALL_IFACE_HOOKS);
}

void links_on_by_rules(struct links *links)
{
    struct fault fault = {0};
    int r;

    assert_int_equal(place_enter(links->world, PLACE_A), 0);
    r = nft_put(links->fixture->bpffs, &links->rules, &fault);
    assert_int_equal(place_leave(links->world), 0);
    if (r < 0)
        fail_msg("%s", fault.text);
}

void links_swap(const struct links *links, int ingress, int egress)
{
    struct fault fault = {0};
    struct job *job = job_new(&links->fixture->options, NULL, &fault);
    int calls = fixture_pin(links->fixture, PIN_LINK_CALLS);

    assert_non_null(job);
    if (calls_put(job, calls, ingress, egress) < 0)
        fail_msg("%s", fault.text);
    undo_forget(&job->undo);
    job_freep(&job);
    fd_close(calls);
}

static struct tctl_stats_value row(const struct links *links)
{
    return fixture_row(links->fixture, PIN_IFACE_STATS, &links->a0);
}

static bool same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

/* The kernel sends on its own, too (neighbours, listeners): between two looks nothing may have crossed. */
void links_start(struct links *links)
{
    struct tctl_stats_value now;

    do {
        links->before = row(links);
        assert_int_equal(wire_reset(links->world), 0);
        now = row(links);
    } while (!same(&now, &links->before, sizeof(now)));
}

struct tctl_stats_value links_counted(const struct links *links)
{
    struct tctl_stats_value now = row(links);

    now.rx_packets -= links->before.rx_packets;
    now.rx_bytes -= links->before.rx_bytes;
    now.tx_packets -= links->before.tx_packets;
    now.tx_bytes -= links->before.tx_bytes;
    return now;
}

void links_exact(struct links *links)
{
    const struct wire_filter everything = {0};
    struct tctl_stats_value counted;
    struct tctl_counters wire, again;

    do {
        assert_int_equal(wire_count(links->world, &everything, &wire), 0);
        counted = links_counted(links);
        assert_int_equal(wire_count(links->world, &everything, &again), 0);
    } while (!same(&wire, &again, sizeof(wire)));
    assert_true(wire.rx_packets + wire.tx_packets > 0);
    assert_counters_equal("a0",
                          (struct tctl_counters){.rx_packets = counted.rx_packets,
                                                 .rx_bytes = counted.rx_bytes,
                                                 .tx_packets = counted.tx_packets,
                                                 .tx_bytes = counted.tx_bytes},
                          wire);
}

struct tctl_iface_parts links_parts(const struct links *links, uint32_t iface)
{
    struct tctl_iface_parts parts = {0};

    fixture_get(links->fixture, PIN_IFACE_PARTS, &iface, &parts);
    return parts;
}
