/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* qtaguid: the texts of /proc/net/xt_qtaguid, for readers that were written for Android's kernels before BPF. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cleanup.h"
#include "cmd.h"
#include "counters.h"
#include "entries.h"

#define FIRST_INDEX 2 /* readers take every other for a torn file */

/* TCP, UDP and other packets: they are not counted apart. */
#define PROTOCOL_COLUMNS                                                                                               \
    "rx_tcp_bytes rx_tcp_packets rx_udp_bytes rx_udp_packets rx_other_bytes rx_other_packets "                         \
    "tx_tcp_bytes tx_tcp_packets tx_udp_bytes tx_udp_packets tx_other_bytes tx_other_packets"
#define PROTOCOL_ZEROES "0 0 0 0 0 0 0 0 0 0 0 0"

/* Of the kernel module's own doings: there is no such module. */
#define EVENTS                                                                                                         \
    "events: sockets_tagged=0 sockets_untagged=0 counter_set_changes=0 delete_cmds=0 iface_events=0 match_calls=0 "    \
    "match_calls_prepost=0 match_found_sk=0 match_found_sk_in_ct=0 match_found_no_sk_in_ct=0 match_no_sk=0 "           \
    "match_no_sk_gid=0"

static void print_counters(const struct tctl_counters *counters)
{
    printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, counters->rx_bytes, counters->rx_packets,
           counters->tx_bytes, counters->tx_packets);
}

static void print_stats_line(size_t index, const struct entry *key, uint32_t set, const struct tctl_counters *counters)
{
    printf("%zu %s 0x%" PRIx64 " %u %u", index, key->iface, (uint64_t)key->tag << 32, key->uid, set);
    print_counters(counters);
    puts(" " PROTOCOL_ZEROES);
}

/* The sets 0 and 1 of a key, traffic or not; others, which a peer may have written, where they are. */
static void print_stats(const struct entries *entries)
{
    static const struct tctl_counters NONE;
    size_t index = FIRST_INDEX;

    puts("idx iface acct_tag_hex uid_tag_int cnt_set rx_bytes rx_packets tx_bytes tx_packets " PROTOCOL_COLUMNS);
    for (const struct entry *entry = entries->all, *end = entry + entries->count; entry < end;) {
        const struct entry *key = entry;
        for (uint32_t set = 0; set < 2; set++) {
            bool has = entry < end && entry->set == set && entries_same_key(entry, key);
            print_stats_line(index++, key, set, has ? &entry->counters : &NONE);
            entry += has;
        }
        for (; entry < end && entries_same_key(entry, key); entry++)
            print_stats_line(index++, key, entry->set, &entry->counters);
    }
}

enum cli_status cmd_qtaguid_stats(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    _cleanup_entries_ struct entries entries = {0};
    enum cli_status status = cli_takes_no_json(cli);
    size_t count = 0;

    (void)argc, (void)argv;
    if (status == CLI_DONE)
        status = cli_open(cli, &traffic);
    if (status != CLI_DONE)
        return status;
    int r = tctl_read_details(traffic, NULL, &rows, &count);
    if (r == 0)
        r = entries_of_details(rows, count, &entries);
    if (r < 0)
        return cli_read_failed(cli, r);
    print_stats(&entries);
    return CLI_DONE;
}

/* End with entries_done(), also after a failure. */
static int read_ifaces(struct tctl_maps *maps, struct entries *entries)
{
    _cleanup_free_ struct tctl_stats_row *rows = NULL;
    _cleanup_free_ struct tctl_name_row *names = NULL;
    size_t count = 0, name_count = 0;
    int r = tctl_maps_read_stats(maps, TCTL_PIN_IFACE_STATS, &rows, &count);

    if (r == 0)
        r = tctl_maps_read_names(maps, &names, &name_count);
    return r < 0 ? r : entries_of_ifaces(rows, count, names, name_count, entries);
}

/* The same. */
static enum cli_status ifaces_of(const struct cli *cli, struct entries *entries)
{
    _cleanup_(cli_maps_closep) struct tctl_maps *maps = NULL;
    enum cli_status status = cli_takes_no_json(cli);

    if (status == CLI_DONE)
        status = cli_open_maps(cli, &maps);
    if (status != CLI_DONE)
        return status;
    int r = read_ifaces(maps, entries);
    return r < 0 ? cli_read_failed(cli, r) : CLI_DONE;
}

enum cli_status cmd_qtaguid_iface_stat_fmt(const struct cli *cli, int argc, char **argv)
{
    _cleanup_entries_ struct entries entries = {0};
    enum cli_status status = ifaces_of(cli, &entries);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    puts("ifname total_skb_rx_bytes total_skb_rx_packets total_skb_tx_bytes total_skb_tx_packets " PROTOCOL_COLUMNS);
    for (size_t i = 0; i < entries.count; i++) {
        struct tctl_counters sum = entries.all[i].counters;
        counters_add(&sum, &entries.all[i].live);
        fputs(entries.all[i].iface, stdout);
        print_counters(&sum);
        puts(" " PROTOCOL_ZEROES);
    }
    return CLI_DONE;
}

/* Readers add the last four numbers to those before where the interface is there. */
enum cli_status cmd_qtaguid_iface_stat_all(const struct cli *cli, int argc, char **argv)
{
    _cleanup_entries_ struct entries entries = {0};
    enum cli_status status = ifaces_of(cli, &entries);

    (void)argc, (void)argv;
    for (size_t i = 0; i < entries.count; i++) {
        printf("%s %d", entries.all[i].iface, entries.all[i].present);
        print_counters(&entries.all[i].counters);
        print_counters(&entries.all[i].live);
        putchar('\n');
    }
    return status;
}

static enum cli_status sockets_failed(const struct cli *cli, int err)
{
    return err == -EACCES ? cli_failed("no permission to read %s in %s: become root or join the group that trafficd "
                                       "calls accounting_group (net_bw_acct) too",
                                       tctl_pin_name(TCTL_PIN_COOKIE_TAG), cli->bpffs)
                          : cli_read_failed(cli, err);
}

/* For the socket's address, which tells sockets apart, stands its cookie. */
enum cli_status cmd_qtaguid_ctrl(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(cli_maps_closep) struct tctl_maps *maps = NULL;
    _cleanup_free_ struct tctl_socket_row *rows = NULL;
    enum cli_status status = cli_takes_no_json(cli);
    size_t count = 0;

    (void)argc, (void)argv;
    if (status == CLI_DONE)
        status = cli_open_maps(cli, &maps);
    if (status != CLI_DONE)
        return status;
    int r = tctl_maps_read_sockets(maps, &rows, &count);
    if (r < 0)
        return sockets_failed(cli, r);
    for (size_t i = 0; i < count; i++)
        printf("sock=%016" PRIx64 " tag=0x%" PRIx64 " (uid=%u) pid=0 f_count=0\n", rows[i].cookie,
               (uint64_t)rows[i].tag << 32 | rows[i].uid, rows[i].uid);
    puts(EVENTS);
    return CLI_DONE;
}
