/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cmd.h"

const command_fn cmd_run[COMMANDS] = {
    [COMMAND_STATUS] = cmd_status,
    [COMMAND_CHECK] = cmd_check,
    [COMMAND_STATS_UID] = cmd_stats_uid,
    [COMMAND_STATS_IFACE] = cmd_stats_iface,
    [COMMAND_STATS_DETAIL] = cmd_stats_detail,
    [COMMAND_STATS_DROPS] = cmd_stats_drops,
    [COMMAND_VERIFY] = cmd_verify,
    [COMMAND_TAG] = cmd_tag,
    [COMMAND_UNTAG] = cmd_untag,
    [COMMAND_COUNTERSET] = cmd_counterset,
    [COMMAND_DELETE_TAG_DATA] = cmd_delete_tag_data,
    [COMMAND_FIREWALL_SHOW] = cmd_firewall_show,
    [COMMAND_FIREWALL_ENABLE] = cmd_firewall_enable,
    [COMMAND_FIREWALL_DISABLE] = cmd_firewall_disable,
    [COMMAND_FIREWALL_ALLOW] = cmd_firewall_allow,
    [COMMAND_FIREWALL_DENY] = cmd_firewall_deny,
    [COMMAND_FIREWALL_REPLACE] = cmd_firewall_replace,
    [COMMAND_FIREWALL_IIF] = cmd_firewall_iif,
    [COMMAND_FIREWALL_LOCKDOWN] = cmd_firewall_lockdown,
    [COMMAND_FIREWALL_WHY] = cmd_firewall_why,
    [COMMAND_FIREWALL_RESTORE] = cmd_firewall_restore,
    [COMMAND_IFACE_METERED] = cmd_iface_metered,
    [COMMAND_MONITOR] = cmd_monitor,
    [COMMAND_UNLOAD] = cmd_unload,
};
