/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Parts of the kernel that take more than a call to try. */
#pragma once

#include <stdbool.h>

#include "loader.h"

/* The first thing lacking that nothing counts by a backend without; NULL: nothing. Static. */
const struct requirement *probe_missing(enum load_backend backend);

/* Can netfilter rules ask a BPF program? */
bool probe_xt_bpf(void);
/* Can rules of nf_tables, too? */
bool probe_nft_bpf(void);
/* Does the kernel list UDP sockets over netlink? */
bool probe_udp_diag(void);
