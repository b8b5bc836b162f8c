/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A world for one end-to-end test: three network namespaces in a row, a cgroup and a bpffs of its own, trafficd.
 *
 *   A (counted: 192.0.2.1..16, fd00:a::1..16, veth a0) -- M (bridge over m0, m1) -- B (198.51.100.1, fd00:b::1, veth
 * b0)
 *
 * M takes super-packets apart before its capture points see them: what they see is the wire. Processes in A run in
 * the world's cgroup, those of M and B outside it. Everything lives in namespaces that nobody else names, so the end
 * of the test process ends it too; world_free(), also run on SIGINT, SIGTERM, SIGABRT and exit, removes the rest.
 * Needs root. Functions return 0 or a negative errno, and say on standard error what failed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <trafficctl/traffic.h>

enum place {
    PLACE_A,
    PLACE_M,
    PLACE_B,
    PLACES,
};

/* Addresses in A are numbered from 1 */
#define WORLD_ADDRESSES 16
#define WORLD_A4 "192.0.2.%u"
#define WORLD_A6 "fd00:a::%x"
#define WORLD_B4 "198.51.100.1"
#define WORLD_B6 "fd00:b::1"

/* What trafficd's kernel says to bpf(2). */
enum world_denial {
    WORLD_DENIES_NOTHING,
    WORLD_DENIES_PROGRAMS, /* it has neither programs nor links */
    WORLD_DENIES_BPF,      /* a container may not */
};

struct world_options {
    bool percpu;
    bool no_daemon;      /* build everything but start no trafficd */
    bool hide_btf;       /* trafficd sees an empty /sys/kernel/btf */
    const char *backend; /* trafficd's option; NULL: bpf. Else world.bpffs is a plain folder, and A is what it counts */
    enum world_denial deny;
    const char *netfilter; /* trafficd's option; NULL: off */
    const char *config;    /* more lines for trafficd's configuration file; NULL none */
};

struct wire;

struct world {
    struct world_options options;
    pid_t owner;           /* the test process; nobody else undoes the world */
    pid_t daemon;          /* trafficd, 0 when it does not run */
    char folder[64];       /* mktemp */
    char bpffs[80];        /* bpffs mounted 0700; a plain folder where nf_tables counts */
    char config[80];       /* trafficd's configuration file */
    char fwmarkd[80];      /* the socket where trafficd takes requests of any user */
    int handed;            /* -1, or a listening socket that trafficd is started with from now on ... */
    const char *handed_in; /* ... and the variable that tells of it: LISTEN_FDS or ANDROID_SOCKET_fwmarkd */
    unsigned open_files;   /* trafficd is started with this limit from now on; 0: with that of the test */
    char cgroup[128];
    int netns[PLACES];
    int home; /* network namespace the test process came from */
    int cgroup_fd;
    int notify;    /* what trafficd says to NOTIFY_SOCKET */
    bool hide_btf; /* trafficd is started so from now on; at first as options say */
    struct wire *wire;
    struct tctl *traffic; /* NULL without a daemon */
};

/* On failure nothing is left behind. The world is the caller's; one at a time. */
int world_new(const struct world_options *options, struct world **ret_world);
/* NULL is fine. Always returns NULL. */
struct world *world_free(struct world *world);

/* trafficd again, and until READY; adopts what is pinned. world->traffic is opened when it is not yet. */
int world_start_daemon(struct world *world);
/* Another text instead of options.config in the configuration file; trafficd reads it when it is told to. */
int world_configure(struct world *world, const char *config);
/* Send a signal, wait for the end. ret_status as of waitpid(), may be NULL. */
int world_stop_daemon(struct world *world, int signal, int *ret_status);

/* Run "ip ..." or another program of the path in a namespace; words are separated by blanks. */
__attribute__((format(printf, 3, 4))) int world_run(struct world *world, enum place place, const char *format, ...);
/* Until an interface of a namespace is ready, with the IPv6 addresses that it has: what is sent before is dropped. */
int world_wait_up(struct world *world, int netns, const char *iface);
/* Write a sysctl below /proc/sys/net as seen from a namespace. */
int world_sysctl(struct world *world, enum place place, const char *path, const char *value);
/* Offloads of a0 and b0. */
int world_offload(struct world *world, bool tso, bool gso, bool gro);
/* A directory entry of the bpffs: a map of the world, for raw access. Owned by the caller. -errno. */
int world_map(struct world *world, const char *pin);

/*
 * Run a function as a user: in the namespace of place, in A also in the world's cgroup, with setresgid and setresuid.
 * channel is one end of a SOCK_SEQPACKET pair. The child ends with the function; its result is what actor_wait()
 * returns.
 */
typedef int (*actor_fn)(int channel, void *arg);
struct actor {
    pid_t pid;
    int channel;
};
int as_uid(struct world *world, enum place place, uid_t uid, actor_fn fn, void *arg);
int actor_start(struct world *world, enum place place, uid_t uid, actor_fn fn, void *arg, struct actor *ret_actor);
/* Close the channel and wait. Returns what the function returned, -EINTR when a signal ended it. */
int actor_wait(struct actor *actor);

/* A word over a channel; -EPIPE at its end. */
int channel_send(int channel, uint64_t word);
int channel_recv(int channel, uint64_t *ret_word);
/* A descriptor over a channel; the sender keeps its own. */
int channel_send_fd(int channel, int fd);
int channel_recv_fd(int channel);

/* A socket made by uid in place, non-blocking, for the test process to drive. Its owner is uid. -errno. */
int socket_as(struct world *world, enum place place, uid_t uid, int family, int type, int protocol);
/* The next connection of a listener, taken by uid, non-blocking. Waits for it at most 3 s. -errno. */
int accept_as(struct world *world, enum place place, uid_t uid, int listener);

/* Which packets of the capture are meant. Fragments carry no ports: with port not 0 they are left out. */
struct wire_filter {
    int family;       /* AF_INET, AF_INET6; 0 both */
    uint8_t protocol; /* IPPROTO_*; 0 all */
    unsigned address; /* number of the address in A; 0 all */
    uint16_t port;    /* in A, host order; 0 all */
};
/* What crossed the wire since world_new() or wire_reset(): tx is A to B. -ENOBUFS: the capture lost packets. */
int wire_count(struct world *world, const struct wire_filter *filter, struct tctl_counters *ret_counters);
int wire_reset(struct world *world);
/* Bytes of the largest packet that came into M since then, from either side: above the mtu it was a super-packet. */
uint32_t wire_largest(struct world *world);
