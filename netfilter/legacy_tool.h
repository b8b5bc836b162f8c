/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The program that writes tables of iptables-legacy, since it holds the lock that all who write them hold. */
#pragma once

#include <stdint.h>

#include "fault.h"

/*
 * Give text to iptables-legacy-restore --noflush (or ip6tables-): each table in it is one commit. -ENOTSUP: there is no
 * such program, or it or the kernel does not know a part of text; -EBUSY: others hold the lock; -ETIMEDOUT: killed at
 * the deadline (of command_now_ms()); -EIO: it refused otherwise. fault has what it says.
 */
int legacy_tool_restore(int family, const char *text, uint64_t deadline_ms, struct fault *fault);
