/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The namespaces and what joins them. */
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "inside.h"

int place_enter(struct world *world, enum place place)
{
    return setns(world->netns[place], CLONE_NEWNET) < 0 ? SAY_ERRNO("setns") : 0;
}

int place_leave(struct world *world)
{
    return setns(world->home, CLONE_NEWNET) < 0 ? SAY_ERRNO("setns home") : 0;
}

/* Splits line at blanks and becomes the program it names; only for a child. */
__attribute__((noreturn)) static void run_child(struct world *world, enum place place, char *line)
{
    char *word[64] = {NULL};
    size_t n = 0;

    for (char *w = strtok(line, " "); w && n < 63; w = strtok(NULL, " "))
        word[n++] = w;
    if (n && place_enter(world, place) == 0)
        execvp(word[0], word);
    _exit(127);
}

int world_run(struct world *world, enum place place, const char *format, ...)
{
    char line[1024], copy[1024];
    va_list args;
    int status;
    pid_t pid;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    memcpy(copy, line, sizeof(copy));
    pid = fork();
    if (pid < 0)
        return SAY_ERRNO("fork");
    if (pid == 0)
        run_child(world, place, copy);
    if (waitpid(pid, &status, 0) < 0)
        return SAY_ERRNO("waitpid");
    return status == 0 ? 0 : SAY(-EIO, line);
}

int world_sysctl(struct world *world, enum place place, const char *path, const char *value)
{
    _cleanup_fd_ int fd = -1;
    char name[256];
    int r;

    snprintf(name, sizeof(name), "/proc/sys/net/%s", path);
    r = place_enter(world, place);
    if (r < 0)
        return r;
    fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        r = SAY_ERRNO(name);
    return place_leave(world) < 0 ? -EIO : r;
}

static int netns_new(int *ret_fd)
{
    if (unshare(CLONE_NEWNET) < 0)
        return SAY_ERRNO("unshare");
    *ret_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return *ret_fd < 0 ? SAY_ERRNO("/proc/self/ns/net") : 0;
}

/* veth pairs from M into the namespace of place; M's end takes everything apart before it sends. */
static int veth_new(struct world *world, enum place place, const char *inner, const char *outer, unsigned mac)
{
    return world_run(world, PLACE_M, "ip link add %s type veth peer name %s address 02:00:00:00:00:%02x", inner, outer, mac)
        ?: world_run(world, PLACE_M, "ip link set %s netns /proc/%d/fd/%d", outer, getpid(), world->netns[place])
        ?: world_run(world, PLACE_M, "ip link set %s master br0", inner)
        ?: world_run(world, PLACE_M,
                     "ethtool -K %s tso off gso off gro off tx-udp-segmentation off tx-gso-list off", inner)
        ?: world_run(world, PLACE_M, "ip link set %s up", inner);
}

static int middle_new(struct world *world)
{
    return world_sysctl(world, PLACE_M, "ipv6/conf/default/disable_ipv6", "1")
        ?: world_run(world, PLACE_M, "ip link add br0 type bridge mcast_snooping 0 forward_delay 0")
        ?: veth_new(world, PLACE_A, "m0", "a0", 0xa)
        ?: veth_new(world, PLACE_B, "m1", "b0", 0xb)
        ?: world_run(world, PLACE_M, "ip link set br0 up");
}

/* Addresses and routes to the other side; neighbours are permanent, so that no packet waits for one. */
static int host_new(struct world *world, enum place place)
{
    bool a = place == PLACE_A;
    const char *dev = a ? "a0" : "b0", *net4 = a ? "198.51.100" : "192.0.2", *net6 = a ? "fd00:b" : "fd00:a";
    unsigned mac = a ? 0xb : 0xa;
    int r = world_sysctl(world, place, "ipv6/conf/default/accept_dad", "0")
        ?: world_run(world, place, "ip link set lo up")
        ?: world_run(world, place, "ip link set %s up", dev);

    for (unsigned i = 1; r == 0 && i <= (a ? WORLD_ADDRESSES : 1); i++)
        r = world_run(world, place, "ip addr add %s.%u/24 dev %s", a ? "192.0.2" : "198.51.100", i, dev)
                ?: world_run(world, place, "ip addr add %s::%x/64 dev %s nodad", a ? "fd00:a" : "fd00:b", i, dev);
    return r
        ?: world_run(world, place, "ip neigh add %s.1 lladdr 02:00:00:00:00:%02x nud permanent dev %s", net4, mac, dev)
        ?: world_run(world, place, "ip neigh add %s::1 lladdr 02:00:00:00:00:%02x nud permanent dev %s", net6, mac, dev)
        ?: world_run(world, place, "ip route add %s.0/24 via %s.1 dev %s onlink", net4, net4, dev)
        ?: world_run(world, place, "ip route add %s::/64 via %s::1 dev %s onlink", net6, net6, dev);
}

int topology_new(struct world *world)
{
    int r = 0;

    for (int p = 0; r == 0 && p < PLACES; p++)
        r = netns_new(&world->netns[p]);
    return place_leave(world)
        ?: r
        ?: middle_new(world)
        ?: host_new(world, PLACE_A)
        ?: host_new(world, PLACE_B)
        ?: world_wait_up(world, world->netns[PLACE_M], "m0")
        ?: world_wait_up(world, world->netns[PLACE_M], "m1")
        ?: world_wait_up(world, world->netns[PLACE_A], "a0")
        ?: world_wait_up(world, world->netns[PLACE_B], "b0");
}

int world_offload(struct world *world, bool tso, bool gso, bool gro)
{
    static const char *const word[] = {"off", "on"};
    static const char line[] = "ethtool -K %s tso %s gso %s gro %s";

    return world_run(world, PLACE_A, line, "a0", word[tso], word[gso], word[gro])
               ?: world_run(world, PLACE_B, line, "b0", word[tso], word[gso], word[gro]);
}
