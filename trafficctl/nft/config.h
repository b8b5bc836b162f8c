/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficd was started with, of what its state says: whom the firewall judges, what is exempt, how large sets are.
 */
#pragma once

#include "table.h"

/* Whose interfaces are meant, app_uids, per_user_range and what is exempt. -EBADMSG: nothing that trafficd notes. */
int nft_config_of(const struct tctl_state *state, struct tctl_config *ret_config);

/* Sizes as in section [maps]. -EBADMSG too. */
int nft_config_sizes(const struct tctl_state *state, struct nft_sizes *ret_sizes);
