/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What attackers do to fwmarkd's socket. For actors: nothing asserts; 0 or a negative errno. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fwmark_client.h"

/* Half a message is cut off after 5 s; three times that is the bound for every reply. */
#define CUT_OFF_MS 15000

/* Descriptors that one message may carry (the kernel's SCM_MAX_FD). */
#define MESSAGE_FDS 253

struct message {
    uint32_t id, net_id, uid, info;
};
/* What most attackers begin with: tag a socket for oneself. */
extern const struct message TAG;

/* A connection to fwmarkd of the current world, blocking. */
int knock(void);
/* One sendmsg() with count descriptors (at most MESSAGE_FDS), which stay the caller's. */
int hand_in(int connection, const void *bytes, size_t size, const int *fds, size_t count);
/* Waits for the reply. -ETIMEDOUT after CUT_OFF_MS; -EPIPE: the connection ended without one. */
int reply_of(int connection, int32_t *ret_reply);
/* A connection, a request (with fd, unless that is -1), its reply. */
int ask(const struct message *message, int fd, int32_t *ret_reply);

/* As many descriptors as one may have. */
int raise_nofile(void);
void close_all(int *fds, size_t count);
uint64_t clock_ms(void);

/* Tell hostile_wait(). */
int say_word(int channel);
/* Until hostile_go(); -EPIPE when the test is over. */
int wait_for_go(int channel);
/* Until the test is over. */
int wait_for_end(int channel);
