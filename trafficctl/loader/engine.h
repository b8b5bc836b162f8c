/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a start may choose: programs of BPF, or a table of nf_tables. loader.h says what each function does. */
#pragma once

#include "choose.h"
#include "loaded.h"

struct engine {
    const char *backend; /* as trafficd's option */
    /* why: the reason of the choice, a line. */
    int (*start)(const struct load_options *options, bool keep_running, const char *why, load_warn_fn warn,
                 struct loaded **ret_loaded, struct fault *fault);
    int (*apply)(struct loaded *loaded, const struct load_options *options, load_warn_fn warn, struct fault *fault);
    int (*watch)(struct loaded *loaded, struct load_seen *ret_seen);
    int (*repair)(struct loaded *loaded, const struct load_options *options, struct load_seen *ret_found,
                  struct fault *fault);
};

extern const struct engine engine_bpf, engine_nft;

/* Parts of them that have files of their own. */
int start_bpf(const struct load_options *options, bool keep_running, const char *why, load_warn_fn warn,
              struct loaded **ret_loaded, struct fault *fault);
int repair_bpf(struct loaded *loaded, const struct load_options *options, struct load_seen *ret_found,
               struct fault *fault);
int start_nft(const struct load_options *options, bool keep_running, const char *why, load_warn_fn warn,
              struct loaded **ret_loaded, struct fault *fault);
