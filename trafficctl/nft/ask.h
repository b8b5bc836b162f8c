/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The counters as trafficd tells them to members of read_group, who may not ask nf_tables themselves. */
#pragma once

#include "snapshot.h"

/*
 * Ask the trafficd of a place, into an empty *ret_snapshot, which the caller ends also after a failure. It is of a
 * moment after the call. -ENOTCONN: no trafficd runs there; -EACCES: the caller is not a member; -ETIMEDOUT: it has not
 * answered for five seconds; -EBUSY: it has answered this user more often than anybody read; -ENAMETOOLONG; errors of
 * nft_snapshot_open(), of socket(2), and those that trafficd had itself.
 */
int nft_ask(const char *place, struct nft_snapshot *ret_snapshot);
