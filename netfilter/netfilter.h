/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Where the programs that count interfaces run: before routing, nearest to the device, and after it, for IPv4 and IPv6.
 * Three ways to the same counts. What runs there is pinned: xt_bpf_*_prog for rules, trafficctl/link_*_prog for links;
 * neither is ever replaced, since each calls what counts (trafficctl/xt_calls, link_calls).
 *
 * All of it is about the network namespace of the calling process, takes CAP_NET_ADMIN there (and for links and pins
 * CAP_BPF), touches nothing that is not ours, and fails with a negative errno and a line in fault.
 */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>
#include <ways.h>

#include "fault.h"

/* What has to live as long as trafficd does: the owner of the table, the links. Starts as NULL. */
struct netfilter_held;
struct netfilter_held *netfilter_held_free(struct netfilter_held *held);

/*
 * Make the four places run the pinned programs, by the way asked for (enum tctl_netfilter, or WAYS_AUTO); what is there
 * already stays as it is, and after a failure what this call made is taken back. WAYS_AUTO tries link, nft, legacy in
 * this order. link_error: why the programs for links could not be loaded (a negative errno, and a line of it in fault;
 * 0: they are pinned). *held may be that of an earlier call, and is kept or replaced. *ret_way: the way that was taken.
 * -ENOTSUP: this kernel, or a program that is missing, does not allow it; -EBUSY: others have all priorities, or the
 * table has a living owner; -EPERM.
 */
int netfilter_put(const char *bpffs, unsigned int wanted, int link_error, enum tctl_netfilter *ret_way,
                  struct netfilter_held **held, struct fault *fault);

/* Which places run the pinned programs: *ret_there has bits 1 << enum tctl_iface_hook. */
int netfilter_look(const char *bpffs, enum tctl_netfilter way, uint32_t *ret_there, struct fault *fault);

/* Take away what netfilter_put() put there by this way, and nothing else. Success where there is nothing. */
int netfilter_remove(const char *bpffs, enum tctl_netfilter way, struct fault *fault);
