/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs in the tables raw and mangle of iptables-legacy, where nf_tables has no xtables matches. */
#pragma once

#include "netfilter.h"

/* As netfilter_put(), _look() and _remove(). -ENOTSUP: no iptables-legacy, or this kernel has none of its tables. */
int legacy_put(const char *bpffs, struct fault *fault);
int legacy_look(const char *bpffs, uint32_t *ret_there, struct fault *fault);
int legacy_remove(const char *bpffs, struct fault *fault);
