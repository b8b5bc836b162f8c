/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <trafficctl/accounting.h>

#include "cleanup.h"
#include "deletion.h"
#include "place.h"
#include "tags.h"

struct tctl_accounting {
    struct tags tags;
    char *bpffs;
};

static void tctl_accounting_closep(struct tctl_accounting **accounting)
{
    *accounting = tctl_accounting_close(*accounting);
}

struct tctl_accounting *tctl_accounting_close(struct tctl_accounting *accounting)
{
    if (!accounting)
        return NULL;
    tags_done(&accounting->tags);
    free(accounting->bpffs);
    free(accounting);
    return NULL;
}

int tctl_accounting_open(const char *bpffs, struct tctl_accounting **ret_accounting)
{
    struct tctl_accounting *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return -ENOMEM;
    int r = tags_open(place_find(bpffs), &opened->tags);
    _cleanup_(tctl_accounting_closep) struct tctl_accounting *accounting = opened;
    if (r < 0)
        return r;
    accounting->bpffs = strdup(place_find(bpffs));
    if (!accounting->bpffs)
        return -ENOMEM;
    *ret_accounting = TAKE_PTR(accounting);
    return 0;
}

int tctl_socket_tag(struct tctl_accounting *accounting, int fd, uint32_t uid, uint32_t tag)
{
    const struct tctl_tag row = {.uid = uid, .tag = tag};
    const struct tags_limit none = {0};
    return tags_set(&accounting->tags, fd, &row, &none);
}

int tctl_socket_untag(struct tctl_accounting *accounting, int fd)
{
    return tags_remove(&accounting->tags, fd);
}

int tctl_uid_counter_set(struct tctl_accounting *accounting, uint32_t uid, uint32_t set)
{
    return tags_set_counter_set(&accounting->tags, uid, set);
}

int tctl_uid_delete_tag_data(struct tctl_accounting *accounting, uint32_t uid, uint32_t tag)
{
    return deletion_run(accounting->bpffs, &accounting->tags, uid, tag);
}
