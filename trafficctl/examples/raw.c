/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Without our library: one user's total, by the pinned map and its layout alone: raw BPFFS UID. (Where trafficd counts
 * by CPU the value is one for each CPU, and a part may be in another map: use the library.)
 * cc raw.c $(pkg-config --cflags trafficctl) -lbpf
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trafficctl/traffic_abi.h>

int main(int argc, char **argv)
{
    LIBBPF_OPTS(bpf_obj_get_opts, read_only, .file_flags = BPF_F_RDONLY);
    struct tctl_stats_value value = {0};
    struct bpf_map_info map = {0};
    uint32_t size = sizeof(map), uid = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    char pin[256];
    snprintf(pin, sizeof(pin), "%s/traffic_app_uid_stats_map", argc > 1 ? argv[1] : "/sys/fs/bpf");
    int fd = bpf_obj_get_opts(pin, &read_only);

    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &size) < 0 || map.type != BPF_MAP_TYPE_HASH) {
        fprintf(stderr, "not read: %s\n", fd < 0 ? strerror(-fd) : "counted by CPU");
        return 1;
    }
    bpf_map_lookup_elem(fd, &uid, &value); /* no row: zeroes */
    printf("received %llu bytes, sent %llu bytes\n", (unsigned long long)value.rx_bytes,
           (unsigned long long)value.tx_bytes);
    return 0;
}
