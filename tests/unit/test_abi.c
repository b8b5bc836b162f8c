/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Raw readers of the pins know these bytes: netd's layout, and ours. */
#include "unit.h"

#include <string.h>

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

#include "pins.h"

#define assert_member(type, member, offset, size)                                                                      \
    do {                                                                                                               \
        assert_int_equal(offsetof(type, member), offset);                                                              \
        assert_int_equal(sizeof(((type *)0)->member), size);                                                           \
    } while (0)

static void abi_tag_is_netds(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct tctl_tag), 8);
    assert_member(struct tctl_tag, uid, 0, 4);
    assert_member(struct tctl_tag, tag, 4, 4);
}

static void abi_stats_are_netds(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct tctl_stats_key), 16);
    assert_member(struct tctl_stats_key, uid, 0, 4);
    assert_member(struct tctl_stats_key, tag, 4, 4);
    assert_member(struct tctl_stats_key, counter_set, 8, 4);
    assert_member(struct tctl_stats_key, iface_index, 12, 4);
    assert_int_equal(sizeof(struct tctl_stats_value), 32);
    assert_member(struct tctl_stats_value, rx_packets, 0, 8);
    assert_member(struct tctl_stats_value, rx_bytes, 8, 8);
    assert_member(struct tctl_stats_value, tx_packets, 16, 8);
    assert_member(struct tctl_stats_value, tx_bytes, 24, 8);
}

static void abi_state_has_no_holes(void **state)
{
    (void)state;
    assert_member(struct tctl_state, abi_version, 0, 4);
    assert_member(struct tctl_state, percpu, 4, 4);
    assert_member(struct tctl_state, since_sec, 8, 8);
    assert_member(struct tctl_state, seen_sec, 16, 8);
    assert_member(struct tctl_state, attached, 24, 4);
    assert_member(struct tctl_state, wanted, 28, 4);
    assert_member(struct tctl_state, chains, 32, 4);
    assert_member(struct tctl_state, netns_inum, 36, 4);
    assert_member(struct tctl_state, lost, 40, 40);
    assert_member(struct tctl_state, dropped, 80, 16);
    assert_member(struct tctl_state, untold, 96, 8);
    assert_member(struct tctl_state, boot_id, 104, TCTL_BOOT_ID_LEN);
    assert_member(struct tctl_state, options, 104 + TCTL_BOOT_ID_LEN, TCTL_OPTIONS_LEN);
    assert_int_equal(sizeof(struct tctl_state), 104 + TCTL_BOOT_ID_LEN + TCTL_OPTIONS_LEN);
}

static void abi_spill_and_row_count(void **state)
{
    (void)state;
    assert_member(struct tctl_spill_key, map, 0, 4);
    assert_member(struct tctl_spill_key, key, 4, 16);
    assert_member(struct tctl_row_count, rows, 0, 20);
}

/* A row has a cache line of its own. */
static void abi_hot_rows_have_no_holes(void **state)
{
    (void)state;
    assert_member(struct tctl_hot_row, key, 0, 16);
    assert_member(struct tctl_hot_row, value, 16, 32);
    assert_member(struct tctl_hot_row, used, 48, 8);
    assert_int_equal(sizeof(struct tctl_hot_row), 64);
    assert_member(struct tctl_hot, row, 0, 4096);
    assert_int_equal(TCTL_HOT_CHUNKS, 16);
    assert_member(struct tctl_hot_moves, begun, 8, 8);
    assert_member(struct tctl_hot_moves, ended, 16, 8);
    assert_member(struct tctl_hot_moves, cooled, 24, 8);
    assert_int_equal(sizeof(struct tctl_hot_moves), 32);
}

static void abi_config_has_no_holes(void **state)
{
    (void)state;
    assert_member(struct tctl_config, range_count, 0, 4);
    assert_member(struct tctl_config, per_user_range, 4, 4);
    assert_member(struct tctl_config, fold_user_namespaces, 8, 4);
    assert_member(struct tctl_config, netns_inum, 12, 4);
    assert_member(struct tctl_config, chains, 16, 4);
    assert_member(struct tctl_config, closed, 20, 4);
    assert_member(struct tctl_config, exempt_esp, 24, 4);
    assert_member(struct tctl_config, exempt_loopback, 28, 4);
    assert_member(struct tctl_config, row_limit, 32, 20);
    assert_member(struct tctl_config, app_uids, 56, 8 * TCTL_MAX_UID_RANGES);
    assert_member(struct tctl_config, sub_uids, 120, 8);
    assert_member(struct tctl_config, deleting, 128, 8);
    assert_member(struct tctl_config, deleting_until, 136, 8);
    assert_int_equal(sizeof(struct tctl_config), 144);
}

static void abi_firewall_has_no_holes(void **state)
{
    (void)state;
    assert_member(struct tctl_uid_rules, uid, 0, 4);
    assert_member(struct tctl_uid_rules, rules, 4, 4);
    assert_member(struct tctl_uid_iface, uid, 0, 4);
    assert_member(struct tctl_uid_iface, iface, 4, 4);
    assert_member(struct tctl_drop_key, uid, 0, 4);
    assert_member(struct tctl_drop_key, reason, 4, 4);
    assert_member(struct tctl_drop, told_ns, 8, 8);
    assert_member(struct tctl_drop, dropped, 16, 32);
    assert_int_equal(sizeof(struct tctl_drop), 48);
    assert_member(struct tctl_event, time_ns, 0, 8);
    assert_member(struct tctl_event, uid, 8, 4);
    assert_member(struct tctl_event, iface, 12, 4);
    assert_member(struct tctl_event, reason, 16, 2);
    assert_member(struct tctl_event, out, 18, 1);
    assert_member(struct tctl_event, is_connect, 19, 1);
    assert_int_equal(sizeof(struct tctl_event), 24);
}

static void abi_tags_in_use_and_sockets_have_no_holes(void **state)
{
    (void)state;
    assert_member(struct tctl_tag_count, tags, 0, 4);
    assert_member(struct tctl_tag_count, rows, 8, 8);
    assert_int_equal(sizeof(struct tctl_tag_count), 16);
    assert_member(struct tctl_socket, word, 8, 8 * TCTL_ANSWER_WORDS);
    assert_member(struct tctl_socket, released_uid, 80, 8);
    assert_member(struct tctl_socket, released_tag, 88, 8);
    assert_member(struct tctl_socket, released_generation, 96, 8);
    assert_int_equal(sizeof(struct tctl_socket), 104);
    assert_member(struct tctl_peer, asked, 0, 8);
    assert_member(struct tctl_peer, user, 8, 4);
    assert_int_equal(sizeof(struct tctl_peer), 16);
    assert_member(struct tctl_live, asked, 0, 8);
    assert_member(struct tctl_live, seen, 8, 8);
    assert_int_equal(sizeof(struct tctl_live), 16);
}

/* What trafficd(8) promises of netd's maps: name, key, value, size, owner. */
static void abi_pins_are_the_contracts(void **state)
{
    (void)state;
    static const struct pin contract[PINS_NETD_MAPS] = {
        {"traffic_cookie_tag_map", PIN_MAP, PIN_ACCOUNTING, false, 8, 8, 10000},
        {"traffic_uid_counterSet_map", PIN_MAP, PIN_ACCOUNTING, false, 4, 1, 4000},
        {"traffic_app_uid_stats_map", PIN_MAP, PIN_READERS, true, 4, 32, 10000},
        {"traffic_uid_stats_map", PIN_MAP, PIN_READERS, true, 16, 32, 10000},
        {"traffic_tag_stats_map", PIN_MAP, PIN_READERS, true, 16, 32, 10000},
        {"traffic_iface_index_name_map", PIN_MAP, PIN_READERS, false, 4, 16, 1000},
        {"traffic_iface_stats_map", PIN_MAP, PIN_READERS, true, 4, 32, 1000},
        {"traffic_dozable_uid_map", PIN_MAP, PIN_ROOT, false, 4, 1, 4000},
        {"traffic_standby_uid_map", PIN_MAP, PIN_ROOT, false, 4, 1, 4000},
        {"traffic_powersave_uid_map", PIN_MAP, PIN_ROOT, false, 4, 1, 4000},
    };
    for (size_t i = 0; i < PINS_NETD_MAPS; i++) {
        assert_string_equal(pins[i].path, contract[i].path);
        assert_int_equal(pins[i].kind, contract[i].kind);
        assert_int_equal(pins[i].owner, contract[i].owner);
        assert_int_equal(pins[i].counters, contract[i].counters);
        assert_int_equal(pins[i].key_size, contract[i].key_size);
        assert_int_equal(pins[i].value_size, contract[i].value_size);
        assert_int_equal(pins[i].entries, contract[i].entries);
    }
    assert_string_equal(pins[PIN_INGRESS_PROG].path, "ingress_prog");
    assert_string_equal(pins[PIN_EGRESS_PROG].path, "egress_prog");
    assert_string_equal(pins[PIN_XT_INGRESS_PROG].path, "xt_bpf_ingress_prog");
    assert_string_equal(pins[PIN_XT_EGRESS_PROG].path, "xt_bpf_egress_prog");
    assert_string_equal(pins[PIN_STATE].path, "trafficctl/state");
    assert_int_equal(pins[PIN_STATE].owner, PIN_READERS);
}

/* What netd has no name for is below trafficctl/, and no two pins are one file. */
static void abi_pins_have_names_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < PINS; i++) {
        assert_non_null(pins[i].path);
        assert_int_equal(i > PIN_XT_EGRESS_PROG, strncmp(pins[i].path, TCTL_DIR "/", sizeof(TCTL_DIR)) == 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(pins[i].path, pins[j].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abi_tag_is_netds),
        cmocka_unit_test(abi_stats_are_netds),
        cmocka_unit_test(abi_state_has_no_holes),
        cmocka_unit_test(abi_spill_and_row_count),
        cmocka_unit_test(abi_hot_rows_have_no_holes),
        cmocka_unit_test(abi_config_has_no_holes),
        cmocka_unit_test(abi_tags_in_use_and_sockets_have_no_holes),
        cmocka_unit_test(abi_firewall_has_no_holes),
        cmocka_unit_test(abi_pins_are_the_contracts),
        cmocka_unit_test(abi_pins_have_names_of_their_own),
    };
    return unit_run(tests);
}
