/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What rules ask of a packet, added as in expr.h. A packet whose owner is not known is nobody's, and does not match. */
#pragma once

#include "expr.h"

/* Index of the loopback, in every network namespace. */
#define NFT_LOOPBACK 1

#define NFT_TCP_FIN 0x01
#define NFT_TCP_SYN 0x02
#define NFT_TCP_RST 0x04
#define NFT_TCP_ACK 0x10

/* Of these flags, just those of them; at least one of them. */
bool nft_match_tcp_flags(struct nftnl_rule *rule, uint8_t of, uint8_t flags);
bool nft_match_any_tcp_flag(struct nftnl_rule *rule, uint8_t of);

bool nft_match_protocol(struct nftnl_rule *rule, uint8_t protocol);
/* index: NFT_META_IIF or NFT_META_OIF. */
bool nft_match_loopback(struct nftnl_rule *rule, uint32_t index, bool wanted);

/* The owner is on the list, or is known and not on it; may be judged at all; is known. */
bool nft_match_uid(struct nftnl_rule *rule, enum nft_set set, bool absent);
bool nft_match_app_uid(struct nftnl_rule *rule);
bool nft_match_owned(struct nftnl_rule *rule);

/* TCP with a header of so many words and nothing behind it; IPv4 without options, IPv6 without extension headers. */
bool nft_match_bare(struct nftnl_rule *rule, bool ipv6, uint8_t words);
