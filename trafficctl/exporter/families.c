/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "families.h"

#define GAUGE false
#define COUNTER true

const struct family families[FAMILIES] = {
    [FAMILY_BUILD_INFO] = {"trafficd_build_info", GAUGE, "Version of trafficctl that exports; the value is 1."},
    [FAMILY_MAPS_READABLE] = {"trafficd_maps_readable", GAUGE,
                              "Whether trafficd's pinned maps could be read; if not, nothing else is exported."},
    [FAMILY_BACKEND_INFO] = {"trafficd_backend_info", GAUGE,
                             "What counts and judges: bpf, or nft, which cannot all of it; the value is 1."},
    [FAMILY_DAEMON_RUNNING] = {"trafficd_daemon_running", GAUGE,
                               "Whether trafficd runs; without it counting and filtering go on, and nobody watches."},
    [FAMILY_START_TIME] = {"trafficd_start_time_seconds", GAUGE, "When counting began, in seconds since the epoch."},
    [FAMILY_LAST_LOOK] = {"trafficd_last_look_timestamp_seconds", GAUGE,
                          "When the state of programs and chains was last looked at, in seconds since the epoch."},
    [FAMILY_PROGRAM_ATTACHED] = {"trafficd_program_attached", GAUGE,
                                 "Whether a program is attached to the control group, of those that this kernel can "
                                 "have."},
    [FAMILY_HOOK_ATTACHED] = {"trafficd_hook_attached", GAUGE,
                              "Whether interfaces are counted at a hook of netfilter."},
    [FAMILY_CHAIN_ENABLED] = {"trafficd_firewall_chain_enabled", GAUGE,
                              "Whether a chain of the firewall is switched on."},
    [FAMILY_ENFORCING] = {"trafficd_firewall_enforcing", GAUGE,
                          "Whether a chain is switched on and the programs that enforce it are attached."},
    [FAMILY_DROPPED] = {"trafficd_dropped_packets", COUNTER, "Packets that the firewall dropped."},
    [FAMILY_MAP_ENTRIES] = {"trafficd_map_entries", GAUGE, "Entries of a map."},
    [FAMILY_MAP_MAX_ENTRIES] = {"trafficd_map_max_entries", GAUGE, "Entries that a map has room for."},
    [FAMILY_MAP_LOST] = {"trafficd_map_lost_packets", COUNTER, "Packets that a map had no room to record."},
    [FAMILY_INTERFACE_RX_BYTES] = {"trafficd_interface_receive_bytes", COUNTER,
                                   "Bytes that an interface received, of IP packets as on the wire."},
    [FAMILY_INTERFACE_RX_PACKETS] = {"trafficd_interface_receive_packets", COUNTER,
                                     "IP packets that an interface received."},
    [FAMILY_INTERFACE_TX_BYTES] = {"trafficd_interface_transmit_bytes", COUNTER,
                                   "Bytes that an interface transmitted, of IP packets as on the wire."},
    [FAMILY_INTERFACE_TX_PACKETS] = {"trafficd_interface_transmit_packets", COUNTER,
                                     "IP packets that an interface transmitted."},
    [FAMILY_COLLAPSED] = {"trafficd_collapsed_series", GAUGE,
                          "Series that --max-series summed into those with uid=\"other\"."},
    [FAMILY_UID_INFO] = {"trafficd_uid_info", GAUGE, "The user's name of a UID; the value is 1."},
    [FAMILY_UID_RX_BYTES] = {"trafficd_uid_receive_bytes", COUNTER,
                             "Bytes that a UID's sockets received, of IP packets as on the wire."},
    [FAMILY_UID_RX_PACKETS] = {"trafficd_uid_receive_packets", COUNTER, "IP packets that a UID's sockets received."},
    [FAMILY_UID_TX_BYTES] = {"trafficd_uid_transmit_bytes", COUNTER,
                             "Bytes that a UID's sockets transmitted, of IP packets as on the wire."},
    [FAMILY_UID_TX_PACKETS] = {"trafficd_uid_transmit_packets", COUNTER,
                               "IP packets that a UID's sockets transmitted."},
};
