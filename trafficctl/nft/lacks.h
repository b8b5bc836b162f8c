/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What nf_tables cannot do of what programs do, said once: status, check, the manual and the tests have it from here.
 */
#pragma once

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

/* For struct backend. What goes by the machine's settings is asked where the table is, or left out elsewhere. */
void nft_lacks(const struct tctl_state *state, struct tctl_backend *backend);

/* Is a sysctl off, in this network namespace, without which nothing that is received has an owner? */
bool nft_lacks_early_demux(void);
