/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "backend_lacks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/events.h>
#include <trafficctl/maps.h>
#include <trafficctl/verify.h>

#include "fd.h"
#include "fwmark_client.h"
#include "userns.h"
#include "wall_kit.h"

#define USER 10050   /* and up: each of these has its own */
#define READER 20001 /* WALL_CONFIG */
#define SUB_UIDS 200 /* more than the world's maps have rows */

static bool has(enum backend backend)
{
    return backend == BACKEND_BPF;
}

/* To an address of this machine, by a socket that this process opens as a user. */
static int send_to_myself(uid_t uid)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    setfsuid(uid);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setfsuid(0);
    if (fd < 0 || sendto(fd, "x", 1, 0, (struct sockaddr *)&here, sizeof(here)) != 1)
        return -errno;
    return 0;
}

static int send_elsewhere(int channel, void *arg)
{
    (void)channel;
    if (unshare(CLONE_NEWNET) < 0)
        return -errno;
    return loopback_up() ?: send_to_myself(*(uid_t *)arg);
}

static void other_namespaces(enum backend backend)
{
    uid_t uid = USER;
    assert_int_equal(as_uid(the_world, PLACE_A, 0, send_elsewhere, &uid), 0);
    assert_int_equal(uid_total(the_world, uid).tx_packets, has(backend) ? 1 : 0);
}

/* The test process is in A, and not in the world's control group. */
static void control_groups(enum backend backend)
{
    const char *const words[] = {"--backend",       "nft",         "--bpffs", the_world->folder, "--cgroup",
                                 the_world->cgroup, "--load-only", NULL};
    assert_int_equal(send_to_myself(USER + 1), 0);
    assert_int_equal(uid_total(the_world, USER + 1).tx_packets, has(backend) ? 0 : 1);
    run_as(0, "trafficd", words, &said);
    assert_refused(&said, 1, "--cgroup", NULL);
}

static int send_inside(int channel, void *arg)
{
    int r = userns_enter(channel);
    if (r == 0)
        r = setresuid(*(uid_t *)arg, *(uid_t *)arg, 0) < 0 ? -errno : 0;
    return r ?: send_to_myself(geteuid());
}

static void rootless_containers(enum backend backend)
{
    uid_t inside = 7;
    struct actor actor;
    const uint64_t user = uid_total(the_world, USERNS_USER).tx_packets;
    userns_start(send_inside, &inside, &actor);
    assert_int_equal(actor_wait(&actor), 0);
    assert_int_equal(uid_total(the_world, USERNS_USER).tx_packets - user, has(backend) ? 1 : 0);
    assert_int_equal(uid_total(the_world, USERNS_OUTSIDE(inside)).tx_packets, has(backend) ? 0 : 1);
}

static int send_from_many(int channel, void *arg)
{
    int r = userns_enter(channel);
    (void)arg;
    for (uid_t uid = 1; uid <= SUB_UIDS && r == 0; uid++)
        r = send_to_myself(uid);
    return r;
}

/* Who comes last finds no row. */
static void shares_of_rows(enum backend backend)
{
    struct actor actor;
    struct tctl_status status;
    userns_start(send_from_many, NULL, &actor);
    assert_int_equal(actor_wait(&actor), 0);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER + 2, AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&here, sizeof(here)), 1);
    assert_int_equal(uid_total(the_world, USER + 2).tx_packets, has(backend) ? 1 : 0);
    assert_int_equal(tctl_status(the_world->traffic, &status), 0);
    assert_int_equal(status.lost[TCTL_UID_STATS].packets > 0, !has(backend));
}

static bool has_row_at(const char *iface)
{
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    const struct tctl_filter filter = {.has_uid = true, .uid = USER + 7};
    size_t count = 0;
    bool found = false;
    assert_int_equal(tctl_read_details(the_world->traffic, &filter, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        found |= strcmp(rows[i].iface, iface) == 0;
    return found;
}

static bool has_new_name(uint64_t unused)
{
    (void)unused;
    return has_row_at("new0") && !has_row_at("old0");
}

static void run_in_a(const char *command)
{
    assert_int_equal(world_run(the_world, PLACE_A, "%s", command), 0);
}

static void names_of_interfaces(enum backend backend)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    assert_int_equal(inet_pton(AF_INET, "192.0.2.131", &to.sin_addr), 1);
    run_in_a("ip link add old0 type veth peer name old1");
    run_in_a("ip addr add 192.0.2.130 peer 192.0.2.131 dev old0");
    run_in_a("ip link set old1 up");
    run_in_a("ip link set old0 up");
    run_in_a("ip neigh add 192.0.2.131 lladdr 02:00:00:00:00:01 nud permanent dev old0");
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER + 7, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    assert_true(has_row_at("old0"));
    run_in_a("ip link set old0 down");
    run_in_a("ip link set old0 name new0");
    assert_int_equal(has(backend) ? soon(has_new_name, 0, 3000) : has_row_at("old0"), true);
    run_in_a("ip link del new0");
}

/* A reset without data, that a connection of the kernel's would be allowed. */
static int send_crafted(int channel, void *arg)
{
    const union address to = address_of(AF_INET, 0, 0);
    const struct tcphdr reset = {.source = htons(7), .dest = htons(7), .rst = 1, .doff = 5};
    (void)channel;
    setfsuid(*(uid_t *)arg);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
    setfsuid(0);
    if (fd < 0)
        return -EBADE;
    return sendto(fd, &reset, sizeof(reset), 0, &to.any, sizeof(to.v4)) > 0 ? 0 : -errno;
}

static void crafted_packets(enum backend backend)
{
    uid_t uid = USER + 3;
    wall("firewall deny standby %u", uid);
    wall("firewall enable standby");
    assert_int_equal(as_uid(the_world, PLACE_A, 0, send_crafted, &uid), has(backend) ? -EPERM : 0);
    wall("firewall disable standby");
}

static void refused_connects(enum backend backend)
{
    const union address to = address_of(AF_INET, 0, 9);
    wall("firewall deny standby %u", USER + 4);
    wall("firewall enable standby");
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER + 4, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &to.any, sizeof(to.v4)), -1);
    int error = errno;
    if (error == EINPROGRESS) {
        socklen_t size = sizeof(error);
        wait_for(fd, POLLOUT);
        assert_return_code(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), errno);
    }
    assert_int_equal(error, has(backend) ? EPERM : ECONNREFUSED);
    wall("firewall disable standby");
}

static void flushes(enum backend backend)
{
    struct udp udp = udp_pair(the_world, USER + 5, AF_INET, 1);
    wall("firewall deny standby %u", USER + 5);
    wall("firewall enable standby");
    assert_false(sends(&udp));
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    assert_int_equal(world_run(the_world, PLACE_A, "nft flush ruleset"), 0);
    assert_int_equal(sends(&udp), !has(backend));
    assert_int_equal(world_start_daemon(the_world), 0);
    assert_false(sends(&udp));
    wall("firewall disable standby");
    udp_close(&udp);
}

static void readers_without_trafficd(enum backend backend)
{
    const char *const words[] = {"stats", "uid", "--bpffs", the_world->bpffs, NULL};
    run_as(READER, "trafficctl", words, &said);
    assert_int_equal(said.exit, 0);
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    run_as(READER, "trafficctl", words, &said);
    assert_int_equal(said.exit == 0, has(backend));
    assert_int_equal(world_start_daemon(the_world), 0);
}

static void tags(enum backend backend)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, USER + 6, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(fwmark_tag(FWMARK_ROOT, fd, USER + 6, 5), has(backend) ? 0 : -EOPNOTSUPP);
    assert_int_equal(fwmark_untag(FWMARK_ROOT, fd), has(backend) ? 0 : -EOPNOTSUPP);
    assert_int_equal(fwmark_delete(FWMARK_ROOT, USER + 6, 5), has(backend) ? 0 : -EOPNOTSUPP);
}

static void counter_sets(enum backend backend)
{
    assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER + 6, 1), has(backend) ? 0 : -EOPNOTSUPP);
    if (has(backend))
        assert_int_equal(fwmark_counter_set(FWMARK_ROOT, USER + 6, 0), 0);
}

static void events(enum backend backend)
{
    struct tctl_events *opened = NULL;
    assert_int_equal(tctl_events_open(the_world->bpffs, &opened), has(backend) ? 0 : -EOPNOTSUPP);
    tctl_events_close(opened);
}

static void verifies(enum backend backend)
{
    struct tctl_verified verified;
    int r = tctl_verify(the_world->traffic, &verified);
    if (r == 0)
        tctl_verified_done(&verified);
    assert_int_equal(r, has(backend) ? 0 : -EOPNOTSUPP);
}

static void dumps(enum backend backend)
{
    struct tctl_maps *maps = NULL;
    assert_int_equal(tctl_maps_open(the_world->bpffs, &maps), has(backend) ? 0 : -EOPNOTSUPP);
    tctl_maps_close(maps);
}

/* The last one leaves no room for more rows. */
const struct backend_lack backend_lacks[] = {
    {"control groups", control_groups},
    {"other network namespaces", other_namespaces},
    {"names of interfaces", names_of_interfaces},
    {"rootless containers", rootless_containers},
    {"crafted packets", crafted_packets},
    {"refused connects", refused_connects},
    {"tags", tags},
    {"counter sets", counter_sets},
    {"events", events},
    {"verify", verifies},
    {"dump", dumps},
    {"readers without trafficd", readers_without_trafficd},
    {"flush opens the firewall", flushes},
    {"shares of rows", shares_of_rows},
};
const size_t backend_lack_count = ARRAY_SIZE(backend_lacks);
