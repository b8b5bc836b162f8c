/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ifnames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define FIRST_ROOM 16

void nft_ifnames_done(struct nft_ifnames *names)
{
    free(names->all);
    free(names->slots);
}

static uint32_t *slot_of(const struct nft_ifnames *names, const char name[TCTL_IFNAME_LEN])
{
    const size_t last = 2 * names->room - 1;
    uint64_t words[2];
    memcpy(words, name, sizeof(words));
    const uint64_t spread = (words[0] ^ words[1] * 31) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(spread >> 32) & last;
    while (names->slots[slot] && memcmp(names->all[names->slots[slot] - 1], name, TCTL_IFNAME_LEN) != 0)
        slot = (slot + 1) & last;
    return &names->slots[slot];
}

static int grow(struct nft_ifnames *names)
{
    const size_t room = names->room ? 2 * names->room : FIRST_ROOM;
    void *all = reallocarray(names->all, room, sizeof(*names->all));
    if (!all)
        return -ENOMEM;
    names->all = all;
    uint32_t *slots = calloc(2 * room, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(names->slots);
    names->slots = slots;
    names->room = room;
    for (size_t i = 0; i < names->count; i++)
        *slot_of(names, names->all[i]) = (uint32_t)i + 1;
    return 0;
}

static int add(struct nft_ifnames *names, const char name[TCTL_IFNAME_LEN], uint32_t *ret_number)
{
    int r = names->count == names->room ? grow(names) : 0;
    if (r < 0)
        return r;
    memcpy(names->all[names->count], name, TCTL_IFNAME_LEN);
    uint32_t *slot = slot_of(names, name);
    *slot = (uint32_t)++names->count;
    *ret_number = *slot;
    return 0;
}

int nft_ifnames_number(struct nft_ifnames *names, const char name[static TCTL_IFNAME_LEN], uint32_t *ret_number)
{
    char padded[TCTL_IFNAME_LEN] = "";
    memcpy(padded, name, strnlen(name, TCTL_IFNAME_LEN - 1));
    const uint32_t known = names->room ? *slot_of(names, padded) : 0;
    if (known == 0 && *padded)
        return add(names, padded, ret_number);
    *ret_number = known;
    return 0;
}

const char *nft_ifnames_name(const struct nft_ifnames *names, uint32_t number)
{
    if (number == 0)
        return "";
    return number <= names->count ? names->all[number - 1] : NULL;
}

int nft_ifnames_translate(struct nft_ifnames *to, const struct nft_ifnames *from, uint32_t **ret_numbers)
{
    _cleanup_free_ uint32_t *numbers = calloc(from->count + 1, sizeof(*numbers));
    if (!numbers)
        return -ENOMEM;
    for (size_t i = 0; i < from->count; i++) {
        int r = nft_ifnames_number(to, from->all[i], &numbers[i + 1]);
        if (r < 0)
            return r;
    }
    *ret_numbers = TAKE_PTR(numbers);
    return 0;
}
