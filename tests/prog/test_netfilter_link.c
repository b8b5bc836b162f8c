/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* BPF netfilter links: what they count is what crosses the wire, and they are put, seen and taken away. Root. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>

#include "fault.h"
#include "fd.h"
#include "flow.h"
#include "inside.h"
#include "link.h"
#include "links.h"

static struct links *links;

static int set_up(bool percpu)
{
    links = links_new(percpu);
    links_on(links);
    return 0;
}

static int set_up_shared(void **state)
{
    (void)state;
    return set_up(false);
}

static int set_up_percpu(void **state)
{
    (void)state;
    return set_up(true);
}

static int tear_down(void **state)
{
    (void)state;
    links = links_free(links);
    return 0;
}

static const int FAMILIES[] = {AF_INET, AF_INET6};

static void test_tcp_is_counted_as_on_the_wire(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        links_start(links);
        struct tcp tcp = tcp_connect(links->world, 10001, FAMILIES[i], 1);
        transfer(tcp.a, tcp.b, 3000000, 100000);
        transfer(tcp.b, tcp.a, 3000000, 100000);
        tcp_end(&tcp, true);
        assert_true(wire_largest(links->world) > 1500);
        links_exact(links);
    }
}

static const size_t SIZES[] = {0, 1, 1200, 1452, 1453, 1472, 1473, 1480, 2960, 2961, 8192, 60000, 65487};

static void test_datagrams_of_all_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        struct udp udp = udp_pair(links->world, 10001, FAMILIES[i], 1);
        for (size_t k = 0; k < ARRAY_SIZE(SIZES); k++) {
            links_start(links);
            udp_send(udp.a, udp.b, SIZES[k]);
            udp_send(udp.b, udp.a, SIZES[k]);
            links_exact(links);
        }
        udp_close(&udp);
    }
}

/* IPsec's own packets count as any other. */
static void test_raw_esp_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        union address b = address_of(FAMILIES[i], 0, 0);
        char bytes[600] = {0, 0, 1, 1};
        int fd = socket_as(links->world, PLACE_A, 0, FAMILIES[i], SOCK_RAW, IPPROTO_ESP);
        assert_return_code(fd, -fd);
        links_start(links);
        assert_int_equal(sendto(fd, bytes, sizeof(bytes), 0, &b.any, address_size(&b)), sizeof(bytes));
        links_exact(links);
        assert_int_equal(links_counted(links).tx_packets, 1);
        fd_close(fd);
    }
}

/* As netd: what comes and goes by "ipsec+" is counted in another packet. */
static void test_interfaces_of_ipsec_are_left_out(void **state)
{
    (void)state;
    struct udp udp = udp_pair(links->world, 10001, AF_INET, 1);
    int fd = socket_as(links->world, PLACE_A, 10001, AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = 9, .sin_addr.s_addr = htonl(0xc6336402)};
    uint32_t other;

    assert_int_equal(world_run(links->world, PLACE_A, "ip link add ipsec7 type veth peer name other"), 0);
    assert_int_equal(world_run(links->world, PLACE_A, "ip link set ipsec7 up"), 0);
    assert_int_equal(world_run(links->world, PLACE_A, "ip route add 198.51.100.2/32 dev ipsec7"), 0);
    assert_int_equal(place_enter(links->world, PLACE_A), 0);
    other = if_nametoindex("ipsec7");
    assert_int_equal(place_leave(links->world), 0);
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)), 1);
    assert_int_equal(fixture_row(links->fixture, PIN_IFACE_STATS, &other).tx_packets, 0);
    assert_int_equal(world_run(links->world, PLACE_A, "ip link set ipsec7 name ipse7"), 0);
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)), 1);
    assert_int_equal(fixture_row(links->fixture, PIN_IFACE_STATS, &other).tx_packets, 1);
    fd_close(fd);
    udp_close(&udp);
}

/* include/uapi/linux/bpf.h of 6.4 */
struct create {
    uint32_t program, target, attach_type, flags, family, hook;
    int32_t priority;
    uint32_t netfilter_flags;
};

/* A link of somebody else's program in A; -errno. */
static int foreign_link(uint32_t family, uint32_t hook, int32_t priority)
{
    const struct bpf_insn accept[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = 45);
    struct create create = {.attach_type = 45, .family = family, .hook = hook, .priority = priority};
    int program = bpf_prog_load((enum bpf_prog_type)32, "foreign", "GPL", accept, ARRAY_SIZE(accept), &options);

    assert_return_code(program, -program);
    create.program = (uint32_t)program;
    assert_int_equal(place_enter(links->world, PLACE_A), 0);
    long link = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));
    int r = link < 0 ? -errno : (int)link;
    assert_int_equal(place_leave(links->world), 0);
    fd_close(program);
    return r;
}

static void exchange_exactly(void)
{
    struct udp udp = udp_pair(links->world, 10001, AF_INET, 1);

    links_start(links);
    udp_send(udp.a, udp.b, 3000);
    udp_send(udp.b, udp.a, 3000);
    links_exact(links);
    udp_close(&udp);
}

static void put(void)
{
    struct fault fault = {0};

    if (links_put(links, &fault) < 0)
        fail_msg("%s", fault.text);
    assert_int_equal(links_look(links), TCTL_ALL_IFACE_HOOKS);
}

#define IPV4 2 /* NFPROTO_IPV4 */
#define IPV6 10
#define PREROUTING 0
#define POSTROUTING 4

static void test_somebody_else_has_our_priority(void **state)
{
    (void)state;
    struct fault fault = {0};
    int foreign[8];

    links_remove(links);
    foreign[0] = foreign_link(IPV4, PREROUTING, -450);
    foreign[1] = foreign_link(IPV6, POSTROUTING, -150);
    assert_return_code(foreign[0], -foreign[0]);
    assert_return_code(foreign[1], -foreign[1]);
    put();
    exchange_exactly();
    links_remove(links);
    for (int i = 2; i < 8; i++)
        foreign[i] = foreign_link(IPV4, PREROUTING, -449 - i);
    int last = foreign_link(IPV4, PREROUTING, -457);
    assert_return_code(last, -last);
    assert_int_equal(links_put(links, &fault), -EBUSY);
    assert_non_null(strstr(fault.text, "-457 to -450"));
    assert_int_equal(links_look(links), 0);
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        fd_close(foreign[i]);
    fd_close(last);
}

static uint32_t number_of(int fd)
{
    uint32_t info[64] = {0}, length = sizeof(info);

    assert_return_code(bpf_obj_get_info_by_fd(fd, info, &length), errno);
    return info[1]; /* of programs and links alike */
}

static uint32_t number_of_pin(enum pin_id id)
{
    int fd = fixture_pin(links->fixture, id);
    uint32_t number = number_of(fd);

    fd_close(fd);
    return number;
}

/* A link that was detached keeps its pin and its description. */
static void test_detached_link_is_seen_and_put_again(void **state)
{
    (void)state;
    for (int i = 0; i < TCTL_IFACE_HOOKS; i++) {
        int link = fixture_pin(links->fixture, PIN_PREROUTING4_LINK + i);
        assert_return_code(bpf_link_detach(link), errno);
        fd_close(link);
        assert_int_equal(links_look(links), TCTL_ALL_IFACE_HOOKS & ~(1u << i));
        assert_int_equal(links_look(links), TCTL_ALL_IFACE_HOOKS & ~(1u << i));
        put();
    }
    exchange_exactly();
}

static void test_pin_of_another_link_is_replaced(void **state)
{
    (void)state;
    const char *path = fixture_path(links->fixture, pins[PIN_POSTROUTING4_LINK].path);
    int link = foreign_link(IPV4, POSTROUTING, -140);

    assert_return_code(link, -link);
    assert_return_code(unlink(path), errno);
    assert_int_equal(links_look(links), TCTL_ALL_IFACE_HOOKS & ~(1u << TCTL_POSTROUTING4));
    assert_return_code(bpf_obj_pin(link, path), errno);
    assert_int_equal(links_look(links), TCTL_ALL_IFACE_HOOKS & ~(1u << TCTL_POSTROUTING4));
    fd_close(link);
    put();
}

static void test_twice_changes_nothing(void **state)
{
    (void)state;
    struct fault fault = {0};
    uint32_t before[4], programs[2] = {number_of_pin(PIN_LINK_INGRESS_PROG), number_of_pin(PIN_LINK_EGRESS_PROG)};

    for (int i = 0; i < 4; i++)
        before[i] = number_of_pin(PIN_PREROUTING4_LINK + i);
    assert_int_equal(links_load(links, false, &fault), 0);
    put();
    for (int i = 0; i < 4; i++)
        assert_int_equal(number_of_pin(PIN_PREROUTING4_LINK + i), before[i]);
    assert_int_equal(number_of_pin(PIN_LINK_INGRESS_PROG), programs[0]);
    assert_int_equal(number_of_pin(PIN_LINK_EGRESS_PROG), programs[1]);
    exchange_exactly();
}

static void test_removed_links_count_nothing(void **state)
{
    (void)state;
    struct udp udp = udp_pair(links->world, 10001, AF_INET, 1);
    struct fault fault = {0};
    uint32_t there = 0;

    assert_int_equal(place_enter(links->world, PLACE_B), 0);
    assert_int_equal(link_look(links->fixture->bpffs, &there, &fault), 0);
    assert_int_equal(place_leave(links->world), 0);
    assert_int_equal(there, 0); /* they are another network namespace's */
    links_remove(links);
    assert_int_equal(links_look(links), 0);
    links_remove(links);
    links_start(links);
    udp_send(udp.a, udp.b, 100);
    assert_int_equal(links_counted(links).tx_packets, 0);
    udp_close(&udp);
}

static int slot(uint32_t index)
{
    int calls = fixture_pin(links->fixture, PIN_LINK_CALLS), fd;
    uint32_t number;

    assert_return_code(bpf_map_lookup_elem(calls, &index, &number), errno);
    fd = bpf_prog_get_fd_by_id(number);
    assert_return_code(fd, errno);
    fd_close(calls);
    return fd;
}

struct sender {
    int fd;
    bool stop;
    uint64_t sent;
};

static void *send_on(void *arg)
{
    struct sender *sender = arg;

    fixture_stay_on_this_cpu();
    while (!__atomic_load_n(&sender->stop, __ATOMIC_RELAXED) || sender->sent < 1000)
        sender->sent += send(sender->fd, "packet", 6, 0) == 6;
    return NULL;
}

/* A restart loads other programs: every packet is counted by one of them. */
static void test_programs_replaced_under_traffic(void **state)
{
    (void)state;
    struct udp udp = udp_pair(links->world, 10001, AF_INET, 1);
    struct sender sender = {.fd = udp.a};
    struct fault fault = {0};
    pthread_t thread;
    int old[2] = {slot(TCTL_CALL_INGRESS), slot(TCTL_CALL_EGRESS)}, new[2];

    assert_int_equal(links_load(links, false, &fault), 0);
    new[0] = slot(TCTL_CALL_INGRESS);
    new[1] = slot(TCTL_CALL_EGRESS);
    assert_int_not_equal(number_of(old[1]), number_of(new[1]));
    links_start(links);
    assert_int_equal(pthread_create(&thread, NULL, send_on, &sender), 0);
    for (int i = 0; i < 1000; i++)
        links_swap(links, i % 2 ? new[0] : old[0], i % 2 ? new[1] : old[1]);
    __atomic_store_n(&sender.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_true(sender.sent >= 1000);
    links_exact(links);
    udp_close(&udp);
    for (int i = 0; i < 2; i++) {
        fd_close(old[i]);
        fd_close(new[i]);
    }
}

static bool is_pinned(enum pin_id id)
{
    return access(fixture_path(links->fixture, pins[id].path), F_OK) == 0;
}

static void unpin(enum pin_id id)
{
    assert_return_code(unlink(fixture_path(links->fixture, pins[id].path)), errno);
}

/* What failed leaves nothing behind; a repair puts its own in the place of what is not. */
static void test_foreign_pin_in_the_way(void **state)
{
    (void)state;
    struct fault fault = {0};
    int state_map = fixture_pin(links->fixture, PIN_STATE);

    links_remove(links);
    unpin(PIN_LINK_CALLS);
    unpin(PIN_LINK_INGRESS_PROG);
    unpin(PIN_LINK_EGRESS_PROG);
    assert_return_code(bpf_obj_pin(state_map, fixture_path(links->fixture, pins[PIN_LINK_EGRESS_PROG].path)), errno);
    assert_int_equal(links_load(links, false, &fault), -EEXIST);
    assert_non_null(strstr(fault.text, "link_egress_prog"));
    assert_false(is_pinned(PIN_LINK_CALLS));
    assert_false(is_pinned(PIN_LINK_INGRESS_PROG));
    assert_true(is_pinned(PIN_LINK_EGRESS_PROG));
    assert_int_equal(links_load(links, true, &fault), 0);
    put();
    exchange_exactly();
    unpin(PIN_LINK_CALLS);
    assert_return_code(bpf_obj_pin(state_map, fixture_path(links->fixture, pins[PIN_LINK_CALLS].path)), errno);
    assert_int_equal(links_load(links, false, &fault), -EEXIST);
    assert_int_equal(links_load(links, true, &fault), 0);
    put();
    exchange_exactly();
    fd_close(state_map);
}

#define BOTH(test)                                                                                                     \
    {#test, test, set_up_shared, tear_down, NULL},                                                                     \
    {                                                                                                                  \
#test "_percpu", test, set_up_percpu, tear_down, NULL                                                          \
    }

#define SHARED(test)                                                                                                   \
    {                                                                                                                  \
#test, test, set_up_shared, tear_down, NULL                                                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_tcp_is_counted_as_on_the_wire),
        BOTH(test_datagrams_of_all_sizes),
        BOTH(test_programs_replaced_under_traffic),
        SHARED(test_raw_esp_is_counted),
        SHARED(test_interfaces_of_ipsec_are_left_out),
        SHARED(test_somebody_else_has_our_priority),
        SHARED(test_detached_link_is_seen_and_put_again),
        SHARED(test_pin_of_another_link_is_replaced),
        SHARED(test_twice_changes_nothing),
        SHARED(test_removed_links_count_nothing),
        SHARED(test_foreign_pin_in_the_way),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: netfilter links", tests, NULL, NULL);
}
