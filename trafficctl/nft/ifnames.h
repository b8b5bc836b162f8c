/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Interfaces' names and their numbers here: 1 for the first that came, 2 for the next. 0 is "", no interface. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

/* A zeroed one is empty; end it with nft_ifnames_done(). */
struct nft_ifnames {
    char (*all)[TCTL_IFNAME_LEN]; /* zeroes behind each */
    size_t count, room;
    uint32_t *slots; /* numbers, 0 for none; twice the room, a power of two */
};

void nft_ifnames_done(struct nft_ifnames *names);

/* The number of a name, a new one if it has none. Of a longer name the first 15 bytes count. -ENOMEM. */
int nft_ifnames_number(struct nft_ifnames *names, const char name[static TCTL_IFNAME_LEN], uint32_t *ret_number);

/* NULL: no name has this number. */
const char *nft_ifnames_name(const struct nft_ifnames *names, uint32_t number);

/* The number in to of each number in from, by which *ret_numbers is indexed; malloc'ed, the caller's. -ENOMEM. */
int nft_ifnames_translate(struct nft_ifnames *to, const struct nft_ifnames *from, uint32_t **ret_numbers);
