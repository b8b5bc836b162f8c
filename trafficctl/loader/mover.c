/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "mover.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <move.h>
#include <move.skel.h>

#include "cleanup.h"
#include "fd.h"

/* Words of a row of traffic and of what starts at an offset. */
#define WORDS(first, count) (((1u << (count)) - 1) << (first))
#define VALUE_WORDS (sizeof(struct tctl_stats_value) / 8)

/* What tc's test run wants to see of a packet at least. */
#define PACKET 64

static const struct move_plan plans[PINS] = {
    [PIN_APP_UID_STATS] = {.words = WORDS(0, VALUE_WORDS), .map = TCTL_APP_UID_STATS},
    [PIN_UID_STATS] = {.words = WORDS(0, VALUE_WORDS), .map = TCTL_UID_STATS},
    [PIN_TAG_STATS] = {.words = WORDS(0, VALUE_WORDS), .map = TCTL_TAG_STATS},
    [PIN_IFACE_STATS] = {.words = WORDS(0, VALUE_WORDS), .map = TCTL_IFACE_STATS},
    [PIN_SPILL] = {.words = WORDS(0, VALUE_WORDS)},
    [PIN_IFACE_PARTS] = {.words = WORDS(0, sizeof(struct tctl_iface_parts) / 8)},
    [PIN_DROPS] = {.words = WORDS(offsetof(struct tctl_drop, dropped) / 8, VALUE_WORDS), .is_drops = true},
    [PIN_TAGS_ENDED] = {.words = WORDS(0, 1)},
};
_Static_assert(sizeof(struct tctl_iface_parts) == MOVE_WORDS * 8, "the largest");

const struct move_plan *mover_plan(enum pin_id id)
{
    return &plans[id];
}

/* An array of maps: when one of its maps is replaced the kernel waits for those who may still use the old one. */
static int wait_by_map(void)
{
    const uint32_t zero = 0;
    _cleanup_fd_ int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
    if (inner < 0)
        return inner;
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (uint32_t)inner);
    _cleanup_fd_ int outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL, 4, 4, 1, &options);
    return outer < 0 ? outer : bpf_map_update_elem(outer, &zero, &inner, BPF_ANY);
}

int mover_wait(void)
{
    /* Not there in a kernel with CPUs that have no clock tick. */
    return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0 ? 0 : wait_by_map();
}

static void destroy(struct move_object **object)
{
    move_object__destroy(*object);
}

static int use_maps(struct move_object *object, const struct move *move)
{
    int r = bpf_map__reuse_fd(object->maps.from, move->from);
    if (r == 0)
        r = bpf_map__reuse_fd(object->maps.to, move->to);
    if (!move->percpu) {
        if (r == 0)
            r = bpf_map__set_autocreate(object->maps.spill, false);
        return r < 0 ? r : bpf_map__set_autocreate(object->maps.busy, false);
    }
    if (r == 0)
        r = bpf_map__reuse_fd(object->maps.spill, move->spill);
    return r < 0 ? r : bpf_map__reuse_fd(object->maps.busy, move->busy);
}

static int load(const struct move *move, bool as_packet, struct move_object **ret_object)
{
    _cleanup_(destroy) struct move_object *object = move_object__open();
    if (!object)
        return -errno;
    int cpus = move->percpu ? libbpf_num_possible_cpus() : 0;
    if (cpus < 0)
        return cpus;
    object->rodata->plan = plans[move->id];
    object->rodata->plan.cpus = (uint32_t)cpus;
    int r = use_maps(object, move);
    if (r == 0)
        r = bpf_program__set_autoload(as_packet ? object->progs.move : object->progs.move_as_packet, false);
    if (r == 0)
        r = move_object__load(object);
    if (r == 0)
        *ret_object = TAKE_PTR(object);
    return r;
}

static int run(const struct move_object *object, bool as_packet, struct moved *moved)
{
    char packet[PACKET] = {0};
    LIBBPF_OPTS(bpf_test_run_opts, options);
    if (as_packet) {
        options.data_in = packet;
        options.data_size_in = sizeof(packet);
    }
    const struct bpf_program *program = as_packet ? object->progs.move_as_packet : object->progs.move;
    int r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
    if (r == 0)
        moved->left += options.retval;
    return r;
}

int mover_by_program(const struct move *move, struct moved *moved)
{
    for (int as_packet = 0; as_packet <= 1; as_packet++) {
        _cleanup_(destroy) struct move_object *object = NULL;
        if (load(move, as_packet, &object) == 0 && run(object, as_packet, moved) == 0)
            return 0;
    }
    return -ENOTSUP;
}

int mover_move(const struct move *move, struct moved *moved)
{
    return mover_by_program(move, moved) == 0 ? 0 : mover_by_hand(move, moved);
}
