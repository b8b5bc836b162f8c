/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "barrier.h"

#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fd.h"

unsigned barrier_deny_list = TCTL_STANDBY, barrier_allow_list = TCTL_DOZABLE;

/* What a child does in A: interfaces are named there. */
struct change {
    int (*make)(struct tctl_firewall *firewall, const struct change *change);
    unsigned chain;
    const uint32_t *uids;
    size_t count;
    const char *iface;
    bool on;
};

static int change_in_a(int channel, void *arg)
{
    const struct change *change = arg;
    struct tctl_firewall *firewall = NULL;
    int r = tctl_firewall_open(the_world->bpffs, &firewall);

    (void)channel;
    if (r == 0)
        r = change->make(firewall, change);
    if (r < 0)
        print_error("firewall: %s\n", firewall ? tctl_firewall_problem(firewall) : strerror(-r));
    tctl_firewall_close(firewall);
    return r;
}

static void make(const struct change *change)
{
    assert_int_equal(as_uid(the_world, PLACE_A, 0, change_in_a, (void *)change), 0);
}

static int make_enable(struct tctl_firewall *firewall, const struct change *change)
{
    return tctl_firewall_enable(firewall, change->chain, change->on, TCTL_RUNTIME);
}

void barrier_enable(unsigned chain, bool on)
{
    make(&(struct change){.make = make_enable, .chain = chain, .on = on});
}

static int make_set(struct tctl_firewall *firewall, const struct change *change)
{
    return tctl_firewall_set(firewall, change->chain, change->uids, change->count, change->on, TCTL_RUNTIME);
}

void barrier_set(unsigned chain, uint32_t uid, bool allow)
{
    make(&(struct change){.make = make_set, .chain = chain, .uids = &uid, .count = 1, .on = allow});
}

static int make_iif(struct tctl_firewall *firewall, const struct change *change)
{
    return tctl_firewall_set_iface(firewall, change->uids[0], change->iface, TCTL_RUNTIME);
}

void barrier_iif(uint32_t uid, const char *iface)
{
    make(&(struct change){.make = make_iif, .uids = &uid, .iface = iface});
}

static int make_lockdown(struct tctl_firewall *firewall, const struct change *change)
{
    return tctl_firewall_lockdown(firewall, change->uids[0], change->on, TCTL_RUNTIME);
}

void barrier_lockdown(uint32_t uid, bool on)
{
    make(&(struct change){.make = make_lockdown, .uids = &uid, .on = on});
}

static int make_meter(struct tctl_firewall *firewall, const struct change *change)
{
    return tctl_firewall_meter(firewall, change->iface, change->on, TCTL_RUNTIME);
}

void barrier_meter(const char *iface, bool on)
{
    make(&(struct change){.make = make_meter, .iface = iface, .on = on});
}

/* Keys of the configuration, which trafficd writes at its start. */
void barrier_exempt(bool loopback, bool esp)
{
    _cleanup_fd_ int map = world_map(the_world, TCTL_DIR "/config"),
                     raise = world_map(the_world, TCTL_DIR "/generation");
    uint64_t *generation = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED, raise, 0);
    struct tctl_config config;
    uint32_t zero = 0;

    assert_ptr_not_equal(generation, MAP_FAILED);
    assert_int_equal(bpf_map_lookup_elem(map, &zero, &config), 0);
    config.exempt_loopback = loopback;
    config.exempt_esp = esp;
    assert_int_equal(bpf_map_update_elem(map, &zero, &config, BPF_ANY), 0);
    __atomic_fetch_add(generation, 1, __ATOMIC_SEQ_CST);
    munmap(generation, sizeof(*generation));
}

void barrier_up(unsigned chain)
{
    static const uint32_t others[] = {BARRIER_OTHER, USERNS_OUTSIDE(BARRIER_INSIDE)};

    if (tctl_chain_is_allow_list(chain))
        make(&(struct change){
            .make = make_set, .chain = chain, .uids = others, .count = ARRAY_SIZE(others), .on = true});
    else
        barrier_set(chain, BARRIER_USER, false);
    barrier_enable(chain, true);
}

static int make_nothing(struct tctl_firewall *firewall, const struct change *change)
{
    int r = 0;

    (void)change;
    for (unsigned chain = TCTL_DOZABLE; r == 0 && chain < TCTL_CHAINS; chain++)
        r = tctl_firewall_enable(firewall, chain, false, TCTL_RUNTIME)
                ?: tctl_firewall_replace(firewall, chain, NULL, 0, TCTL_RUNTIME);
    return r ?: tctl_firewall_set_iface(firewall, BARRIER_USER, NULL, TCTL_RUNTIME)
                    ?: tctl_firewall_lockdown(firewall, BARRIER_USER, false, TCTL_RUNTIME)
                           ?: tctl_firewall_meter(firewall, "a0", false, TCTL_RUNTIME);
}

void barrier_down(void)
{
    make(&(struct change){.make = make_nothing});
    barrier_exempt(true, false);
}

int barrier_set_up(void **state)
{
    barrier_up(*(unsigned *)*state);
    return 0;
}

int barrier_tear_down(void **state)
{
    (void)state;
    barrier_down();
    return 0;
}
