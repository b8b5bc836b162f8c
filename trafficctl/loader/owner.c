/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "owner.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "bpffs.h"
#include "cleanup.h"

static gid_t group(const char *name, const char *key, const char *loses, load_warn_fn warn)
{
    gid_t gid = 0;
    if (!name || parse_gid(name, &gid) == 0)
        return gid;
    char text[256];
    snprintf(text, sizeof(text), "%s: there is no group %s, so only root %s; make it with \"groupadd --system %s\"",
             key, name, loses, name);
    if (warn)
        warn(text);
    return 0;
}

gid_t owner_readers(const struct load_options *options, load_warn_fn warn)
{
    return group(options->read_group, "read_group", "can read the counters", warn);
}

static int set(const struct load_options *options, enum pin_id id, const gid_t *groups, struct undo *undo,
               struct fault *fault)
{
    _cleanup_free_ char *path = job_path(options->bpffs, pins[id].path);
    if (!path)
        return -ENOMEM;
    if (pins[id].kind != PIN_MAP || access(path, F_OK) < 0)
        return 0;
    return bpffs_own(path, 0, groups[pins[id].owner], pins[id].owner == PIN_ROOT ? 0600 : 0640, undo, fault);
}

int owner_set_all(const struct load_options *options, load_warn_fn warn, struct undo *undo, struct fault *fault)
{
    const gid_t groups[] = {
        [PIN_ROOT] = 0,
        [PIN_ACCOUNTING] = group(options->accounting_group, "accounting_group", "may account for others", warn),
        [PIN_READERS] = owner_readers(options, warn),
    };
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++)
        r = set(options, id, groups, undo, fault);
    return r;
}
