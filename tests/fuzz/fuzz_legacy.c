/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whatever bytes stand for a table of iptables-legacy: they are no table, or what is found in them agrees with itself.
 * The first byte says which place, the next four where its built-in chain begins and ends.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_entries.h"

#define HEAD 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct legacy_found *found)
{
    assert(found->chain || !(found->empty || found->runs || found->jumps || found->referenced));
    assert(!(found->empty && found->runs));
    assert(!legacy_found_is_right(found) || found->runs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* As the kernel's: no byte behind it may be read, and in the corpus they are of a real kernel. */
    uint16_t bounds[2];
    if (size < HEAD)
        return 0;
    memcpy(bounds, data + 1, sizeof(bounds));
    void *entries = malloc(size - HEAD ? size - HEAD : 1);
    assert(entries);
    memcpy(entries, data + HEAD, size - HEAD);
    const struct legacy_wanted wanted = {&legacy_places[*data % TCTL_IFACE_HOOKS], "/sys/fs/bpf/xt_bpf_prog", 7};
    const struct legacy_blob blob = {entries, size - HEAD, bounds[0], bounds[1]};
    struct legacy_found found = {0};
    int r = legacy_entries_find(&blob, &wanted, &found);
    assert(r == 0 || r == -EBADMSG);
    if (r == 0)
        check(&found);
    free(entries);
    return 0;
}
