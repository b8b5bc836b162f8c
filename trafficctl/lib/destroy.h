/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Closing what is already open: the sockets of blocked UIDs are aborted (SOCK_DESTROY), as Android 15 does. */
#pragma once

#include <stddef.h>

#include "firewall.h"

/*
 * Abort every TCP and UDP socket of this network namespace whose owner's ordinary outgoing packets are dropped by what
 * holds now: connections, listeners and bound sockets; whoever uses them gets ECONNABORTED. Chains that judge
 * on metered interfaces alone do not count. Sockets of system UIDs stay, those that were made outside the control group
 * that is judged, and with exempt_loopback those that are bound to or connected with this machine. An owner inside a
 * user namespace is judged as itself, not as the user who answers for it. To be called after the change; what is opened
 * meanwhile is blocked anyway. A connection of MPTCP loses its subflows, and ends when the kernel has waited in vain
 * for another one (net.mptcp.close_timeout). *ret_count is how many were aborted, also after a failure.
 *
 * The change holds in any case, and fault says so with each of: -EOPNOTSUPP: this kernel cannot
 * (CONFIG_INET_DIAG_DESTROY); -EXDEV: this is not trafficd's network namespace; -EPERM: it takes CAP_NET_ADMIN, and for
 * a control group below the root CAP_DAC_READ_SEARCH; -EUSERS: too many share an address; -ENOMEM, -errno of netlink or
 * bpf(2).
 */
int destroy_blocked(const struct tctl_firewall *firewall, size_t *ret_count, struct fault *fault);
