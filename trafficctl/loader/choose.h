/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Does BPF count and judge, or nf_tables? */
#pragma once

#include "loader.h"

/*
 * What is loaded at the place stays. Else as options->backend says; LOAD_BACKEND_AUTO is BPF, unless that lacks a part
 * that no start can do without, and nf_tables takes our table. Nothing is changed by asking. *ret_backend is never
 * LOAD_BACKEND_AUTO; after a failure it means nothing. ret_why: why nf_tables counts, for the line EFFECTIVE_WHY of the
 * state; empty for BPF. warn (NULL: nobody) is told what options ask for in vain.
 *
 * Who may not have nf_tables gets BPF under LOAD_BACKEND_AUTO, and its complaint. -EEXIST: the other one is loaded
 * there; -EINVAL: nf_tables cannot do what options ask for; -EPERM: it takes CAP_NET_ADMIN; -ENOTSUP: neither can be
 * had here.
 */
int choose_backend(const struct load_options *options, load_warn_fn warn, enum load_backend *ret_backend,
                   char ret_why[static LOAD_WHY_LEN], struct fault *fault);

/* Would nf_tables take our table? Nothing is changed. Errors of nft_talk_open() and nft_table_try(). */
int choose_try_nft(const struct load_options *options, struct fault *fault);
