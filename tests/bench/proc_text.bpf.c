/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rows of a map printed as /proc/net/xt_qtaguid/stats printed them: by the kernel, while somebody reads, line by line
 * into a seq_file. All of it is TCP here.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "traffic_abi.h"

#define IFACES 3

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
    struct seq_file *seq;
    __u64 session_id;
    __u64 seq_num;
} __attribute__((preserve_access_index));

struct bpf_iter__bpf_map_elem {
    struct bpf_iter_meta *meta;
    struct bpf_map *map;
    void *key;
    void *value;
} __attribute__((preserve_access_index));

const volatile char names[IFACES][TCTL_IFNAME_LEN] = {"0", "wlan0", "rmnet_data0"};

static void print_header(struct seq_file *seq)
{
    BPF_SEQ_PRINTF(seq, "idx iface acct_tag_hex uid_tag_int cnt_set rx_bytes rx_packets tx_bytes tx_packets "
                        "rx_tcp_bytes rx_tcp_packets rx_udp_bytes rx_udp_packets rx_other_bytes rx_other_packets "
                        "tx_tcp_bytes tx_tcp_packets tx_udp_bytes tx_udp_packets tx_other_bytes tx_other_packets\n");
}

SEC("iter/bpf_map_elem")
int print_row(struct bpf_iter__bpf_map_elem *it)
{
    struct seq_file *seq = it->meta->seq;
    const __u64 index = it->meta->seq_num;
    const struct tctl_stats_key *key = it->key;
    const struct tctl_stats_value *n = it->value;

    if (!key || !n)
        return 0;
    if (index == 0)
        print_header(seq);
    BPF_SEQ_PRINTF(seq, "%d %s 0x%llx %u %u %llu %llu %llu %llu ", (int)index + 2, names[key->iface_index % IFACES],
                   (__u64)key->tag << 32, key->uid, key->counter_set, n->rx_bytes, n->rx_packets, n->tx_bytes,
                   n->tx_packets);
    BPF_SEQ_PRINTF(seq, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu\n", n->rx_bytes, n->rx_packets,
                   0ULL, 0ULL, 0ULL, 0ULL, n->tx_bytes, n->tx_packets, 0ULL, 0ULL, 0ULL, 0ULL);
    return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
