/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "match.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

/* Bytes that hold less than a byte of a field. */
#define IP_IHL_AT 0
#define IP_IHL_MASK 0x0f
#define TCP_WORDS_AT 12
#define TCP_WORDS_SHIFT 4
#define TCP_FLAGS_AT 13

static bool match_byte(struct nftnl_rule *rule, uint32_t operator, uint8_t value)
{
    return nft_expr_compare(rule, operator, & value, sizeof(value));
}

bool nft_match_protocol(struct nftnl_rule *rule, uint8_t protocol)
{
    return nft_expr_meta(rule, NFT_META_L4PROTO, NFT_REGISTER_FIRST) && match_byte(rule, NFT_CMP_EQ, protocol);
}

static bool load_tcp_flags(struct nftnl_rule *rule, uint8_t of)
{
    return nft_match_protocol(rule, IPPROTO_TCP) &&
           nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_AT, sizeof(of)) && nft_expr_mask(rule, of);
}

bool nft_match_tcp_flags(struct nftnl_rule *rule, uint8_t of, uint8_t flags)
{
    return load_tcp_flags(rule, of) && match_byte(rule, NFT_CMP_EQ, flags);
}

bool nft_match_any_tcp_flag(struct nftnl_rule *rule, uint8_t of)
{
    return load_tcp_flags(rule, of) && match_byte(rule, NFT_CMP_NEQ, 0);
}

bool nft_match_loopback(struct nftnl_rule *rule, uint32_t index, bool wanted)
{
    const uint32_t loopback = NFT_LOOPBACK;
    return nft_expr_meta(rule, index, NFT_REGISTER_FIRST) &&
           nft_expr_compare(rule, wanted ? NFT_CMP_EQ : NFT_CMP_NEQ, &loopback, sizeof(loopback));
}

bool nft_match_uid(struct nftnl_rule *rule, enum nft_set set, bool absent)
{
    return nft_expr_meta(rule, NFT_META_SKUID, NFT_REGISTER_FIRST) && nft_expr_lookup(rule, set, absent);
}

/* Ranges are ordered by bytes. */
bool nft_match_app_uid(struct nftnl_rule *rule)
{
    return nft_expr_meta(rule, NFT_META_SKUID, NFT_REGISTER_FIRST) && nft_expr_to_big_endian(rule) &&
           nft_expr_lookup(rule, NFT_SET_APP_UIDS, false);
}

bool nft_match_owned(struct nftnl_rule *rule)
{
    const uint32_t least = 0;
    return nft_expr_meta(rule, NFT_META_SKUID, NFT_REGISTER_FIRST) && nft_expr_to_big_endian(rule) &&
           nft_expr_compare(rule, NFT_CMP_GTE, &least, sizeof(least));
}

static bool match_length(struct nftnl_rule *rule, uint32_t at, uint16_t length)
{
    const uint16_t bytes = htons(length);
    return nft_expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, at, sizeof(bytes)) &&
           nft_expr_compare(rule, NFT_CMP_EQ, &bytes, sizeof(bytes));
}

static bool match_family(struct nftnl_rule *rule, uint8_t family)
{
    return nft_expr_meta(rule, NFT_META_NFPROTO, NFT_REGISTER_FIRST) && match_byte(rule, NFT_CMP_EQ, family);
}

static bool match_ip(struct nftnl_rule *rule, uint16_t payload)
{
    return match_family(rule, NFPROTO_IPV4) &&
           nft_expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, IP_IHL_AT, sizeof(uint8_t)) &&
           nft_expr_mask(rule, IP_IHL_MASK) && match_byte(rule, NFT_CMP_EQ, sizeof(struct iphdr) / 4) &&
           match_length(rule, offsetof(struct iphdr, tot_len), sizeof(struct iphdr) + payload);
}

static bool match_ipv6(struct nftnl_rule *rule, uint16_t payload)
{
    return match_family(rule, NFPROTO_IPV6) &&
           nft_expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct ip6_hdr, ip6_nxt), sizeof(uint8_t)) &&
           match_byte(rule, NFT_CMP_EQ, IPPROTO_TCP) && match_length(rule, offsetof(struct ip6_hdr, ip6_plen), payload);
}

bool nft_match_bare(struct nftnl_rule *rule, bool ipv6, uint8_t words)
{
    uint16_t header = (uint16_t)(4 * words);
    return (ipv6 ? match_ipv6(rule, header) : match_ip(rule, header)) && nft_match_protocol(rule, IPPROTO_TCP) &&
           nft_expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_WORDS_AT, sizeof(words)) &&
           nft_expr_mask(rule, 0xf0) && match_byte(rule, NFT_CMP_EQ, (uint8_t)(words << TCP_WORDS_SHIFT));
}
