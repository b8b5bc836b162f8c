/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs in the tables raw and mangle of iptables-legacy, where nf_tables has no xtables matches. */
#pragma once

#include "netfilter.h"

/*
 * As netfilter_put(), _look() and _remove(): chains bw_raw_PREROUTING and bw_mangle_POSTROUTING, which are ours by
 * these names. Written by iptables-legacy-restore, and only what is not right; looked at without running anything. Only
 * legacy_put() asks for tables that are not there yet, which makes them. A kernel without IPv6 at all has no packets to
 * count there: its two places are "there".
 *
 * -ENOTSUP: no iptables-legacy, or this kernel lacks its tables or the match "bpf"; -EBUSY: others hold the lock of
 * xtables; -ETIMEDOUT: the tool was killed (after 3 s, and as much again where something was to be taken back); -EIO:
 * it refused, or did something else; -EBADMSG: the kernel gave no table; -ENOENT of put: a program is not pinned;
 * -EPERM. After a failed legacy_put() what this call wrote is taken back. Writing takes CAP_NET_RAW too, since the tool
 * asks on a raw socket. Like everybody who writes a table with iptables-legacy, it sets the counters of the policies of
 * that table (not of rules) to 0.
 */
int legacy_put(const char *bpffs, struct fault *fault);
int legacy_look(const char *bpffs, uint32_t *ret_there, struct fault *fault);
int legacy_remove(const char *bpffs, struct fault *fault);
