/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* BPF netfilter links: what they count is what crosses the wire, and they are put, seen and taken away. Root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "fd.h"
#include "flow.h"
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

#define BOTH(test)                                                                                                     \
    {#test, test, set_up_shared, tear_down, NULL},                                                                     \
    {                                                                                                                  \
#test "_percpu", test, set_up_percpu, tear_down, NULL                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_tcp_is_counted_as_on_the_wire),
        BOTH(test_datagrams_of_all_sizes),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: netfilter links", tests, NULL, NULL);
}
