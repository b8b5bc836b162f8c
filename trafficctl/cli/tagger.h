/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Who carries out a change of tags and counter sets: we, at the pinned maps, where this user may write them; else a
 * server of netd's fwmarkd protocol, and always when --socket names one.
 */
#pragma once

#include <trafficctl/accounting.h>

#include "cleanup.h"
#include "cli.h"

struct tagger {
    struct tctl_accounting *maps; /* NULL: the server does it */
    const char *server;
};

/* End with tagger_done(). CLI_FAILED: said why and what to do. */
enum cli_status tagger_open(const struct cli *cli, struct tagger *ret_tagger);
void tagger_done(struct tagger *tagger);
#define _cleanup_tagger_ _cleanup_(tagger_done)

/* As trafficctl/accounting.h and trafficctl/tag.h say, and with their errors. */
int tagger_tag(const struct tagger *tagger, int fd, uint32_t uid, uint32_t tag);
int tagger_untag(const struct tagger *tagger, int fd);
int tagger_counter_set(const struct tagger *tagger, uint32_t uid, uint32_t set);
int tagger_delete(const struct tagger *tagger, uint32_t uid, uint32_t tag);

/* One of those failed: say what ("cannot tag descriptor 3"), why, and what to do. Always CLI_FAILED. */
__attribute__((format(printf, 3, 4))) enum cli_status tagger_failed(const struct tagger *tagger, int err,
                                                                    const char *what, ...);
