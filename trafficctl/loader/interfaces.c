/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "interfaces.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <ifaces.h>
#include <interfaces_page.h>
#include <netfilter.h>
#include <state.h>
#include <string.h>

#include "fd.h"
#include "link_object.h"

void interfaces_load(struct job *job, enum load_netfilter way)
{
    if (way == LOAD_NETFILTER_LINK || way == LOAD_NETFILTER_AUTO)
        job->link_error = link_object_load(job, &job->link_fault);
}

/* 0: the programs for links are pinned, and call those that count. Else why not, in job->fault too. */
static int put_for_links(struct job *job)
{
    if (job->links)
        return link_object_put(job, job->fault);
    *job->fault = job->link_fault;
    return job->link_error;
}

/* Of an earlier start, and by another way: with both, everything would be counted twice. */
static int end_earlier(struct job *job, enum tctl_netfilter earlier)
{
    struct fault fault = {0};
    int r = netfilter_remove(job->options->bpffs, earlier, &fault);
    if (r < 0)
        fault_set(job->fault, r, "interfaces are counted by netfilter %s, which cannot be ended: %s",
                  ways_name(earlier), *fault.text ? fault.text : strerror(-r));
    return r;
}

/* The earlier way first: rather both for a moment than neither. Nobody removes a table whose owner lives. */
void interfaces_take_back(struct job *job, struct loaded *loaded)
{
    struct fault ignored = {0}; /* the first failure is the one to be told */
    enum tctl_netfilter way = loaded->interfaces->netfilter, again;
    if (!job->way_changed)
        return;
    netfilter_put(job->options->bpffs, job->earlier_way, 0, &again, &loaded->held, &ignored);
    loaded->held = netfilter_held_free(loaded->held);
    netfilter_remove(job->options->bpffs, way, &ignored);
    loaded->interfaces->netfilter = job->earlier_way;
    job->way_changed = false;
}

static int put(struct job *job, struct loaded *loaded, unsigned int wanted, int link_error)
{
    enum tctl_netfilter way, earlier = loaded->interfaces->netfilter;
    int r = netfilter_put(job->options->bpffs, wanted, link_error, &way, &loaded->held, job->fault);
    if (r < 0)
        return r;
    loaded->interfaces->netfilter = way;
    if (earlier == way)
        return 0;
    job->earlier_way = earlier;
    job->way_changed = true;
    r = end_earlier(job, earlier);
    if (r < 0)
        interfaces_take_back(job, loaded);
    return r;
}

int interfaces_start(struct job *job, struct loaded *loaded)
{
    if (!job->privileged)
        return 0; /* what somebody else has put there stays */
    int r = put(job, loaded, job->options->netfilter, put_for_links(job));
    if (r < 0 && (job->options->netfilter != LOAD_NETFILTER_AUTO || job->grow.begun))
        return r;
    if (r < 0)
        job_warn(job, job->fault->text);
    *job->fault = (struct fault){0};
    return 0;
}

static int look_there(const char *bpffs, enum tctl_netfilter way, uint32_t *ret_missing)
{
    uint32_t there;
    *ret_missing = 0;
    if (way == TCTL_NETFILTER_OFF)
        return 0;
    int r = netfilter_look(bpffs, way, &there, NULL);
    if (r == 0)
        *ret_missing = TCTL_ALL_IFACE_HOOKS & ~there;
    return r;
}

int interfaces_look(const struct loaded *loaded, uint32_t *ret_missing)
{
    return look_there(loaded->place, loaded->interfaces->netfilter, ret_missing);
}

/* A slot that is empty is a raw writer's will, and not repaired: what it belongs to counts nothing. */
static uint32_t places_that_call(const char *bpffs, enum pin_id calls)
{
    static const uint32_t places[TCTL_CALLS] = {
        [TCTL_CALL_INGRESS] = 1u << TCTL_PREROUTING4 | 1u << TCTL_PREROUTING6,
        [TCTL_CALL_EGRESS] = 1u << TCTL_POSTROUTING4 | 1u << TCTL_POSTROUTING6,
    };
    uint32_t calling = 0, program;
    _cleanup_fd_ int fd = -1;
    if (pins_open(bpffs, calls, &fd) < 0)
        return 0;
    for (uint32_t call = 0; call < TCTL_CALLS; call++)
        if (bpf_map_lookup_elem(fd, &call, &program) == 0)
            calling |= places[call];
    return calling;
}

static uint32_t hooked(const char *bpffs, enum tctl_netfilter way, uint32_t missing)
{
    if (way == TCTL_NETFILTER_OFF)
        return 0;
    return places_that_call(bpffs, way == TCTL_NETFILTER_LINK ? PIN_LINK_CALLS : PIN_XT_CALLS) & ~missing;
}

uint32_t interfaces_hooked(const struct loaded *loaded, uint32_t missing)
{
    return hooked(loaded->place, loaded->interfaces->netfilter, missing);
}

int interfaces_repair(struct job *job, struct loaded *loaded, bool renewed)
{
    enum tctl_netfilter way = loaded->interfaces->netfilter;
    if (renewed)
        interfaces_load(job, (enum load_netfilter)way);
    return put(job, loaded, way, renewed && way == TCTL_NETFILTER_LINK ? put_for_links(job) : 0);
}

/* Rules and links are where trafficd was started. */
static int is_elsewhere(const char *bpffs, uint32_t *ret_netns)
{
    bool here = false;
    struct tctl_state state = {0};
    int r = state_read_pinned(bpffs, &state);
    if (r == 0)
        r = ifaces_are_of(state.netns_inum, &here);
    *ret_netns = state.netns_inum;
    return r < 0 ? r : !here;
}

int interfaces_check_home(struct job *job)
{
    uint32_t netns = 0;
    struct tctl_interfaces page = {0};
    int r = job->found[PIN_STATE] < 0 ? -ENOENT : interfaces_read(job->options->bpffs, &page);
    if (r == 0 && (page.netfilter == TCTL_NETFILTER_NFT || page.netfilter == TCTL_NETFILTER_LEGACY))
        r = is_elsewhere(job->options->bpffs, &netns);
    if (r > 0)
        return fault_set(job->fault, -EXDEV,
                         "rules of an earlier start (--netfilter %s) count in the network namespace net:[%u]: run "
                         "\"trafficctl unload\" there first",
                         ways_name(page.netfilter), netns);
    return r == -ENOENT ? 0 : r;
}

const char *interfaces_way(const struct loaded *loaded)
{
    return ways_name(loaded->interfaces->netfilter);
}

int loader_look_interfaces(const char *bpffs, uint32_t *ret_hooked)
{
    uint32_t netns = 0, missing;
    struct tctl_interfaces page = {0};
    int r = interfaces_read(bpffs, &page);
    if (r == 0 && page.netfilter != TCTL_NETFILTER_OFF)
        r = is_elsewhere(bpffs, &netns);
    if (r > 0)
        return -EXDEV;
    if (r == 0)
        r = look_there(bpffs, page.netfilter, &missing);
    if (r == 0)
        *ret_hooked = hooked(bpffs, page.netfilter, missing);
    return r;
}

static bool may_not_read(int r)
{
    return r == -EPERM || r == -EACCES;
}

/* A page or a state that is gone, or somebody else's, says nothing, and is no reason to leave the rest. */
int interfaces_remove(const char *bpffs, struct fault *fault)
{
    uint32_t netns = 0;
    struct tctl_interfaces page = {0};
    int r = interfaces_read(bpffs, &page);
    if (may_not_read(r))
        return r;
    if (r < 0 || page.netfilter == TCTL_NETFILTER_OFF)
        return 0;
    if (page.netfilter != TCTL_NETFILTER_LINK)
        r = is_elsewhere(bpffs, &netns);
    if (r > 0)
        return fault_set(
            fault, -EXDEV,
            "the rules of trafficctl (--netfilter %s) are left in the network namespace net:[%u], where they "
            "count nothing any more: unload runs in the namespace of trafficd",
            ways_name(page.netfilter), netns);
    return may_not_read(r) ? r : netfilter_remove(bpffs, page.netfilter, fault);
}
