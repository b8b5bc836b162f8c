/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Those who tag a socket of their own, again and again: users, by the library's client, or root, at the maps. And users
 * who connect to hurt. Each is a process.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CLIENTS_MAX 8
#define CLIENTS_SAMPLES 100000

/* How long each round trip of a client took; shared with its process. */
struct clients_samples {
    int error; /* negative errno: what ended it; of a reply too */
    uint32_t count;
    uint32_t ns[CLIENTS_SAMPLES];
};

struct clients {
    pid_t pid[CLIENTS_MAX];
    int channel[CLIENTS_MAX];
    struct clients_samples *samples[CLIENTS_MAX];
};

/*
 * UIDs in sequence, from 20001 on. bpffs NULL: users who ask a server; else root, who charges those UIDs at the maps
 * that are pinned there. Negative errno.
 */
int clients_start(struct clients *clients, const char *bpffs);
void clients_end(struct clients *clients);
/*
 * The first count of them for so long, each with one tag (tags 1), or with so many in turn. server is asked, NULL for
 * root. Tags per second of them all; negative errno, or a server's wrong reply.
 */
double clients_run(struct clients *clients, size_t count, const char *server, unsigned tags, unsigned ms);
/* Of the last run: the time in ns that all but a hundredth of the round trips took at most. Sorts the samples. */
double clients_p99(struct clients *clients, size_t count);

/*
 * Peers that do nobody any good: of eight other users, half of them silent, half with half a message. They stay until
 * the returned process is given to hostile_peers_end(). Negative errno.
 */
pid_t hostile_peers_start(const char *server, size_t count);
void hostile_peers_end(pid_t pid);
