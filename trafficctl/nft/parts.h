/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Attributes of an answer, whatever they may be: libnftnl ends the process over one that has not the size it expects,
 * so what is read is read here. NULL is no attribute, and may be asked about.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

const struct nlattr *nft_parts_of(const struct nlmsghdr *message, uint16_t type);
const struct nlattr *nft_parts_in(const struct nlattr *nest, uint16_t type);

bool nft_parts_text(const struct nlattr *attribute, const char *wanted);
/* In the host's order. false: it is none, and *ret stays. */
bool nft_parts_u32(const struct nlattr *attribute, uint32_t *ret);
bool nft_parts_u64(const struct nlattr *attribute, uint64_t *ret);

/* Two lists of a rule's expressions: theirs says what ours does. Not compared: the path by which a match was made. */
bool nft_parts_equal(const struct nlattr *ours, const struct nlattr *theirs);
