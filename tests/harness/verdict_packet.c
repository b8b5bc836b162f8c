/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Bytes of the packets of the decision table. */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#include "verdicts.h"

#define FRAGMENT_EXTENSION 44

static size_t put_ipv4(const struct verdict_packet *packet, size_t behind, uint8_t *to)
{
    size_t length = sizeof(struct iphdr) + packet->ip_options;
    struct iphdr ip = {
        .version = packet->flaw == VERDICT_BAD_VERSION ? 5 : 4,
        .ihl = packet->flaw == VERDICT_SHORT_IHL ? 4 : length / 4,
        .tot_len = htons((uint16_t)(length + behind)),
        .ttl = 64,
        .protocol = packet->protocol,
        .saddr = htonl(0xC0000201),
        .daddr = htonl(0xC6336401),
    };

    if (packet->flaw == VERDICT_FIRST_FRAGMENT)
        ip.frag_off = htons(IP_MF);
    if (packet->flaw == VERDICT_LATER_FRAGMENT)
        ip.frag_off = htons(1);
    memcpy(to, &ip, sizeof(ip));
    memset(to + sizeof(ip), IPOPT_NOOP, packet->ip_options);
    return length;
}

/* Of 8 bytes and more, each longer than the last. */
static size_t put_extensions(const struct verdict_packet *packet, uint8_t *to)
{
    size_t length = 0;

    for (int i = 0; i < packet->extension_count; i++) {
        bool last = i + 1 == packet->extension_count;
        uint8_t units = packet->extensions[i] == FRAGMENT_EXTENSION ? 0 : (uint8_t)i;

        memset(to + length, 0, (units + 1u) * 8);
        to[length] = last ? packet->protocol : packet->extensions[i + 1];
        to[length + 1] = units;
        length += (units + 1u) * 8;
    }
    return length;
}

static size_t put_ipv6(const struct verdict_packet *packet, size_t behind, uint8_t *to)
{
    size_t extensions = put_extensions(packet, to + sizeof(struct ip6_hdr));
    struct ip6_hdr ip = {
        .ip6_plen = htons((uint16_t)(extensions + behind)),
        .ip6_nxt = packet->extension_count ? packet->extensions[0] : packet->protocol,
        .ip6_hlim = 64,
    };

    ip.ip6_vfc = packet->flaw == VERDICT_BAD_VERSION ? 0x40 : 0x60; /* of a union with what was just set */
    memcpy(to, &ip, sizeof(ip));
    return sizeof(ip) + extensions;
}

static size_t put_tcp(const struct verdict_packet *packet, uint8_t *to)
{
    size_t length = sizeof(struct tcphdr) + packet->tcp_options;
    struct tcphdr tcp = {.source = htons(1), .dest = htons(2), .doff = length / 4};

    if (packet->flaw == VERDICT_SHORT_DOFF)
        tcp.doff = 4;
    if (packet->flaw == VERDICT_LONG_DOFF)
        tcp.doff = 15;
    memcpy(to, &tcp, sizeof(tcp));
    to[13] = packet->tcp_flags;
    memset(to + sizeof(tcp), 1, packet->tcp_options);
    return length;
}

static size_t put_transport(const struct verdict_packet *packet, uint8_t *to)
{
    if (packet->protocol == IPPROTO_TCP)
        return put_tcp(packet, to);
    memset(to, 0, 8);
    to[0] = packet->icmp_type;
    return 8;
}

size_t verdict_packet_bytes(const struct verdict_packet *packet, uint8_t *to)
{
    uint8_t transport[60];
    size_t behind = put_transport(packet, transport), network, length;

    network =
        packet->ipv6 ? put_ipv6(packet, behind + packet->payload, to) : put_ipv4(packet, behind + packet->payload, to);
    length = network + behind + packet->payload;
    memcpy(to + network, transport, behind);
    memset(to + network + behind, 'x', packet->payload);
    return packet->flaw == VERDICT_CUT && packet->cut < length ? packet->cut : length;
}
