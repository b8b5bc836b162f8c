/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands that trafficctl runs itself. */
#pragma once

#include "commands.h"

/* By command; those that programs of their own run are NULL. */
extern const command_fn cmd_run[COMMANDS];

enum cli_status cmd_status(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_check(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_uid(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_iface(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_detail(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_stats_drops(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_verify(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_tag(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_untag(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_counterset(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_delete_tag_data(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_show(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_enable(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_disable(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_allow(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_deny(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_replace(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_iif(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_lockdown(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_why(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_firewall_restore(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_iface_metered(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_monitor(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_dump(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_qtaguid_stats(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_qtaguid_iface_stat_fmt(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_qtaguid_iface_stat_all(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_qtaguid_ctrl(const struct cli *cli, int argc, char **argv);
enum cli_status cmd_unload(const struct cli *cli, int argc, char **argv);
