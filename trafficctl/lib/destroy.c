/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "destroy.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "ifaces.h"
#include "inet_sockets.h"
#include "netlink.h"
#include "own_addresses.h"

/* Sockets that are remembered at once. */
#define BATCH 4096

/*
 * Listeners and datagram sockets may share an address; the kernel picks one of them by the port that it is asked for.
 * Enough to meet each of a hundred; and enough for all of them together, that nobody keeps root waiting by closing what
 * was listed.
 */
#define MAX_PICKS 1024
#define ALL_PICKS (100 * MAX_PICKS)

struct target {
    uint64_t cookie;
    struct inet_diag_req_v2 request;
};

/* A walk through the sockets of a kind by ascending cookies: what is aborted may stay in the kernel's table. */
struct batch {
    uint64_t after; /* those up to this cookie are done */
    size_t count;
    bool more; /* there were some that found no room; all that did are before them */
    struct target targets[2 * BATCH];
};

struct destroy {
    const struct tctl_firewall *firewall;
    struct cgroup_tree tree;
    struct tctl_config config;
    struct own_addresses own;
    struct mnl_socket *netlink;
    struct batch *batch;
    bool judged; /* the next two are known */
    uint32_t uid;
    uint32_t drops;
    size_t count;
    size_t picks;
};

static void destroy_done(struct destroy *destroy)
{
    cgroup_tree_done(&destroy->tree);
    own_addresses_done(&destroy->own);
    netlink_closep(&destroy->netlink);
    free(destroy->batch);
}

static int by_cookie(const void *a, const void *b)
{
    uint64_t left = ((const struct target *)a)->cookie, right = ((const struct target *)b)->cookie;
    return (left > right) - (left < right);
}

static void batch_add(struct batch *batch, const struct inet_socket *socket)
{
    struct target target = {
        .cookie = inet_socket_cookie(socket),
        .request =
            {
                .sdiag_family = socket->diag->idiag_family,
                .sdiag_protocol = socket->protocol,
                .id = socket->diag->id,
            },
    };
    if (target.cookie <= batch->after)
        return;
    if (batch->count == ARRAY_SIZE(batch->targets)) {
        qsort(batch->targets, batch->count, sizeof(*batch->targets), by_cookie);
        batch->count = BATCH;
        batch->more = true;
    }
    batch->targets[batch->count++] = target;
}

/* What may drop its owner's packets. Sockets of one owner often come together. */
static int judge(struct destroy *destroy, uint32_t uid)
{
    struct rules rules;
    if (destroy->judged && destroy->uid == uid)
        return 0;
    uint32_t drops = 0;
    if (may_judge(&destroy->config, uid)) {
        int r = destroy->firewall->backend->rules_of(destroy->firewall->enforcer, &destroy->config, uid, &rules);
        if (r < 0)
            return r;
        drops = restriction_of(&rules).drops;
    }
    destroy->judged = true;
    destroy->uid = uid;
    destroy->drops = drops;
    return 0;
}

/* Does nothing that it sends leave this machine? */
static bool stays_here(const struct destroy *destroy, const struct inet_socket *socket)
{
    const struct inet_address source = inet_socket_source(socket), peer = inet_socket_peer(socket);
    if (socket->diag->id.idiag_if == IFACES_LOOPBACK || inet_address_is_loopback(&source))
        return true;
    if (inet_address_is_none(&peer))
        return false;
    return inet_address_is_loopback(&peer) || inet_address_equal(&source, &peer) ||
           own_addresses_have(&destroy->own, &peer);
}

/* Of a group that was removed nobody can tell: most were inside. Nor where the kernel does not say. */
static int is_filtered(struct destroy *destroy, const struct inet_socket *socket)
{
    int r = socket->cgroup ? cgroup_tree_has(&destroy->tree, socket->cgroup) : 1;
    return r == -ESTALE ? 1 : r;
}

static int choose(void *context, const struct inet_socket *socket)
{
    struct destroy *destroy = context;
    int r = judge(destroy, socket->diag->idiag_uid);
    if (r < 0)
        return r;
    const struct way way = {.out = true, .loopback = destroy->drops && stays_here(destroy, socket)};
    if (!drops_on(destroy->drops, TCTL_ANY_IFACE, &way, destroy->config.exempt_loopback))
        return 0;
    r = is_filtered(destroy, socket);
    if (r > 0)
        batch_add(destroy->batch, socket);
    return r;
}

/* It is found by its addresses; the cookie says whether it is the one that was meant. */
static int abort_one(struct destroy *destroy, const struct target *target)
{
    struct inet_diag_req_v2 request = target->request;
    const bool may_share = request.id.idiag_dport == 0;
    int r = inet_sockets_abort(destroy->netlink, &request);
    for (unsigned int pick = 1; r == -ENOENT && may_share && pick < MAX_PICKS; pick++) {
        if (++destroy->picks > ALL_PICKS)
            break;
        request.id.idiag_dport = (__be16)pick;
        r = inet_sockets_abort(destroy->netlink, &request);
    }
    if (r == 0)
        destroy->count++;
    return r == -ENOENT ? 0 : r; /* closed meanwhile */
}

static int abort_batch(struct destroy *destroy)
{
    struct batch *batch = destroy->batch;
    qsort(batch->targets, batch->count, sizeof(*batch->targets), by_cookie);
    if (batch->more)
        batch->count = BATCH;
    for (size_t i = 0; i < batch->count; i++) {
        int r = abort_one(destroy, &batch->targets[i]);
        if (r < 0)
            return r;
        batch->after = batch->targets[i].cookie;
    }
    return 0;
}

static int destroy_kind(struct destroy *destroy, uint8_t family, uint8_t protocol)
{
    int r = 0;
    destroy->batch->after = 0;
    do {
        destroy->batch->count = 0;
        destroy->batch->more = false;
        r = inet_sockets_list(destroy->netlink, family, protocol,
                              protocol == IPPROTO_TCP ? INET_SOCKETS_ALL : INET_SOCKETS_UDP, choose, destroy);
        if (r == 0)
            r = abort_batch(destroy);
    } while (r == 0 && destroy->batch->more);
    return r == -ENOENT ? -EOPNOTSUPP : r; /* no module for this protocol */
}

/* Elsewhere there are other sockets, of the same users perhaps. */
static int check_namespace(const struct tctl_config *config)
{
    bool here = false;
    int r = ifaces_are_of(config->netns_inum, &here);
    return r < 0 || here ? r : -EXDEV;
}

static int destroy_init(struct destroy *destroy)
{
    destroy->batch = malloc(sizeof(*destroy->batch));
    if (!destroy->batch)
        return -ENOMEM;
    const struct tctl_firewall *firewall = destroy->firewall;
    int r = firewall->backend->rules_config(firewall->enforcer, &destroy->config);
    if (r == 0)
        r = check_namespace(&destroy->config);
    if (r == 0)
        r = firewall->backend->rules_tree(firewall->enforcer, &destroy->tree);
    if (r == 0)
        r = own_addresses_read(&destroy->own);
    return r < 0 ? r : inet_sockets_open(&destroy->netlink);
}

static int say(struct fault *fault, int r)
{
    const char *why = strerror(-r);
    if (r == -EOPNOTSUPP)
        why = "this kernel closes no sockets of others (CONFIG_INET_DIAG_DESTROY, _TCP_DIAG, _UDP_DIAG)";
    if (r == -EXDEV)
        why = "run this in the network namespace of trafficd to close them";
    if (r == -EPERM)
        why = "closing them needs CAP_NET_ADMIN and CAP_DAC_READ_SEARCH";
    if (r == -EUSERS)
        why = "too many of them share addresses";
    return fault_set(fault, r, "the change holds, but open sockets of those it blocks stay open, silent: %s", why);
}

int destroy_blocked(const struct tctl_firewall *firewall, size_t *ret_count, struct fault *fault)
{
    static const uint8_t families[] = {AF_INET, AF_INET6}, protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
    _cleanup_(destroy_done) struct destroy destroy = {.firewall = firewall, .tree.fd = -1};
    int r = destroy_init(&destroy);
    for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++)
        for (size_t j = 0; j < ARRAY_SIZE(protocols) && r == 0; j++)
            r = destroy_kind(&destroy, families[i], protocols[j]);
    *ret_count = destroy.count;
    if (r == 0 && destroy.picks > ALL_PICKS)
        r = -EUSERS;
    return r < 0 ? say(fault, r) : 0;
}
