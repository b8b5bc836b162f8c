/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall as its commands meet it: opening it, what a call of trafficctl/firewall.h came to, arguments. */
#pragma once

#include <trafficctl/firewall.h>

#include "cli.h"

/* End with tctl_firewall_close(), also after a failure. CLI_FAILED: said why and what to do. */
enum cli_status wall_open(const struct cli *cli, struct tctl_firewall **ret_firewall);

static inline void wall_closep(struct tctl_firewall **firewall)
{
    *firewall = tctl_firewall_close(*firewall);
}
#define _cleanup_wall_ _cleanup_(wall_closep)

/* result is what a call returned. Says why it failed and what to do, or what a success left to know. */
enum cli_status wall_ended(const struct tctl_firewall *firewall, int result);

/* CLI_USAGE: said which chains there are. */
enum cli_status wall_chain(const char *text, unsigned int *ret_chain);
/* "on" or "off". */
enum cli_status wall_switch(const char *text, bool *ret_on);
