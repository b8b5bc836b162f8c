/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "charge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

static struct tctl_counters rows_of(uint32_t uid, uint32_t tag, uint32_t set)
{
    return detail_sum(
        the_world,
        &(struct tctl_filter){.has_uid = true, .uid = uid, .has_tag = true, .tag = tag, .has_set = true, .set = set});
}

static struct tctl_counters rows_of_any_tag(uint32_t uid)
{
    struct tctl_filter all = {.has_uid = true, .uid = uid}, untagged = {.has_uid = true, .uid = uid, .has_tag = true};

    return counters_less(detail_sum(the_world, &all), detail_sum(the_world, &untagged));
}

struct charge charge_start(uint32_t uid, uint32_t tag, uint32_t set, const struct wire_filter *filter)
{
    return (struct charge){
        .tag = tag,
        .set = set,
        .plain = rows_of(uid, 0, set),
        .tagged = rows_of(uid, tag, set),
        .all_tagged = rows_of_any_tag(uid),
        .meter = meter_start(the_world, uid, filter),
    };
}

void charge_exact(const struct charge *charge)
{
    const uint32_t uid = charge->meter.uid;
    struct tctl_counters wire, none = {0};

    meter_exact(&charge->meter);
    wire = meter_wire(&charge->meter);
    assert_counters_equal("in the set", counters_less(rows_of(uid, 0, charge->set), charge->plain), wire);
    assert_counters_equal("under the tag", counters_less(rows_of(uid, charge->tag, charge->set), charge->tagged), wire);
    assert_counters_equal("under any tag", counters_less(rows_of_any_tag(uid), charge->all_tagged),
                          charge->tag ? wire : none);
}

struct charge_flow charge_flow_new(uid_t uid, int family, uint8_t protocol, unsigned number)
{
    struct charge_flow flow = {.filter = {.family = family, .protocol = protocol, .address = number},
                               .udp = {.a = -1, .b = -1},
                               .tcp = {-1, -1, -1}};

    if (protocol == IPPROTO_UDP)
        flow.udp = udp_pair(the_world, uid, family, number);
    else
        flow.tcp = tcp_connect(the_world, uid, family, number);
    return flow;
}

void charge_flow_end(struct charge_flow *flow)
{
    if (flow->tcp.a >= 0)
        tcp_end(&flow->tcp, true);
    else
        udp_close(&flow->udp);
}

int charge_flow_socket(const struct charge_flow *flow)
{
    return flow->tcp.a >= 0 ? flow->tcp.a : flow->udp.a;
}

void charge_flow_run(const struct charge_flow *flow)
{
    if (flow->tcp.a >= 0) {
        transfer(flow->tcp.a, flow->tcp.b, 50000, 10000);
        acknowledge(flow->tcp.b);
        transfer(flow->tcp.b, flow->tcp.a, 50000, 10000);
        acknowledge(flow->tcp.a);
    } else {
        udp_send(flow->udp.a, flow->udp.b, 72);
        for (int i = 0; i < 5; i++) {
            udp_send(flow->udp.b, flow->udp.a, 300);
            udp_send(flow->udp.a, flow->udp.b, 100);
        }
    }
}

void charge_flow_exact(const struct charge_flow *flow, uint32_t uid, uint32_t tag, uint32_t set)
{
    struct charge charge = charge_start(uid, tag, set, &flow->filter);

    charge_flow_run(flow);
    charge_exact(&charge);
}
