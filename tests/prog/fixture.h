/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The real programs and maps, loaded by the loader into a bpffs and a cgroup of the test's own, and packets for them by
 * BPF_PROG_TEST_RUN. Needs root. All is removed at the end of the process too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/bpf.h>

#include "loader.h"
#include "pins.h"

#define FIXTURE_ETHERNET 14 /* TEST_RUN wants a link header, the programs do not see it */
#define FIXTURE_PACKET 2048

struct fixture {
    char bpffs[64];
    char cgroup[128];
    struct load_options options; /* as fixture_load() will use them */
    struct loaded *loaded;
};

/* Mount and make; options set to defaults that suit tests: every UID may be judged, rows are not limited. */
struct fixture *fixture_new(bool percpu);
/* Load and attach with fixture->options; the test fails if that fails. */
void fixture_load(struct fixture *fixture);
struct fixture *fixture_free(struct fixture *fixture);

/* The same as cmocka's setup (shared counters, not loaded) and teardown. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* A path below the bpffs, good until the next call. */
const char *fixture_path(const struct fixture *fixture, const char *below);

/* Descriptor of a pin, for the test to close. */
int fixture_pin(const struct fixture *fixture, enum pin_id id);

/* Take away a link and its pin at once: after the unlink alone the kernel detaches in its own time. */
void fixture_unpin_link(const struct fixture *fixture, enum pin_id id);

/* Raw access to the pinned maps, and the generation raised after a write that must hold at once. */
void fixture_put(const struct fixture *fixture, enum pin_id id, const void *key, const void *value);
bool fixture_get(const struct fixture *fixture, enum pin_id id, const void *key, void *value);
void fixture_raise(const struct fixture *fixture);
/* To raise it by an atomic add, without a system call; for munmap(). */
uint64_t *fixture_map_generation(const struct fixture *fixture);
/* A row of a stats map, over all CPUs, with what the CPUs count often; zeroes when there is none. */
struct tctl_stats_value fixture_row(const struct fixture *fixture, enum pin_id id, const void *key);
/* The same of what is in the map itself. */
struct tctl_stats_value fixture_map_row(const struct fixture *fixture, enum pin_id id, const void *key);
uint64_t fixture_lost(const struct fixture *fixture, enum tctl_stats_map map);

/* A packet under construction: network header first. */
struct packet {
    uint8_t data[FIXTURE_ETHERNET + FIXTURE_PACKET];
    uint32_t length; /* L3 */
    uint32_t gso_size;
    uint32_t gso_segs;
};

/* IPv4 or IPv6 (headers as long as given, options or extension headers zeroed) with protocol and payload of that
 * length. */
struct packet packet_ipv4(uint8_t protocol, uint32_t options, uint32_t l4_length);
struct packet packet_ipv6(uint8_t next_header, uint32_t l4_length);
/* Put an extension header of type in front of what follows the fixed header and those put before; units: 8 bytes. */
void packet_extend(struct packet *packet, uint8_t type, uint32_t units);
/* TCP header length at the start of the transport header. */
void packet_tcp(struct packet *packet, uint32_t l3_header, uint32_t tcp_header);

/* Run a pinned program on the packet repeat times. Returns the verdict of the last. */
uint32_t fixture_run(const struct fixture *fixture, enum pin_id prog, const struct packet *packet, uint32_t repeat);

/* From now on, so that a thread can be kept off it. */
void fixture_stay_on_this_cpu(void);

/*
 * The cookie that the socket of the next BPF_PROG_TEST_RUN will be given, if nothing else on this CPU makes one
 * meanwhile: the kernel hands them out in runs per CPU, and the test stays on this one.
 */
uint64_t fixture_next_cookie(void);
