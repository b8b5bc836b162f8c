/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * All that the firewall's maps hold, or are to hold, in memory: rows by key, interfaces by number. A policy says the
 * same by names and chains.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enforce.h"
#include "pins.h"

/* Maps; netd's have the numbers of their chains. */
enum image_map {
    IMAGE_CONFIG, /* no rows: what of it is the firewall's is in struct image itself */
    IMAGE_DOZABLE = TCTL_DOZABLE,
    IMAGE_STANDBY = TCTL_STANDBY,
    IMAGE_POWERSAVE = TCTL_POWERSAVE,
    IMAGE_RULES,
    IMAGE_IFACES,
    IMAGE_METERED,
    IMAGE_MAPS,
};

/* Of rows that name their UID value is what is beside it; with this bit the row names another than its key. */
#define IMAGE_MISNAMED (UINT64_C(1) << 32)

struct image_row {
    uint32_t key;
    uint64_t value;
};

/* Ascending by key. */
struct image_rows {
    struct image_row *rows;
    size_t count, room;
};

/* A zeroed one is that of empty maps. */
struct image {
    struct image_rows maps[IMAGE_MAPS]; /* without the switches of netd's chains */
    uint32_t switched;                  /* TCTL_BIT() of the chains that are on */
    uint32_t has_switch;                /* of netd's chains whose map has a row for the switch */
    bool closed;
};

/* The map's descriptor; borrowed. */
int image_fd(const struct enforce *enforce, enum image_map map);
/* Its pin. */
enum pin_id image_pin(enum image_map map);
/* Do its rows name their UID? */
static inline bool image_names_uid(enum image_map map)
{
    return map == IMAGE_RULES || map == IMAGE_IFACES;
}

/* What the maps hold. *ret_image is owned by the caller. -ENOMEM, -errno of bpf(2). */
int image_read(const struct enforce *enforce, struct image *ret_image);
void image_done(struct image *image);
/* -ENOMEM. *ret_copy is owned by the caller. */
int image_copy(const struct image *image, struct image *ret_copy);

/* NULL: there is none. Good until the rows are changed. */
const struct image_row *image_find(const struct image *image, enum image_map map, uint32_t key);
/* Put a row there, or change it. -ENOMEM. */
int image_put(struct image *image, enum image_map map, uint32_t key, uint64_t value);
void image_remove(struct image *image, enum image_map map, uint32_t key);

/* Is the UID on the chain's list? */
bool image_lists(const struct image *image, uint32_t chain, uint32_t uid);
/* Whom a chain, or TCTL_LOCKDOWN, lists. *ret_list is owned by the caller: free() its UIDs. -ENOMEM. */
int image_list(const struct image *image, uint32_t chain, struct policy_uids *ret_list);

enum image_edit {
    IMAGE_ADD,     /* these are on the list */
    IMAGE_TAKE,    /* these are not */
    IMAGE_REPLACE, /* these are and nobody else */
};
/* Change the list of a chain, or of TCTL_LOCKDOWN. -ENOMEM: it is as it was. */
int image_edit(struct image *image, uint32_t chain, const struct policy_uids *uids, enum image_edit edit);
