/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the firewall says of itself is what it does: why beside real packets, stats drops beside a blocked user. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fd.h"
#include "wall_kit.h"

#define APP 10001
#define OTHER 10002
#define BLOCKED 10011
#define REFUSED 10012
#define READER 20001

static const struct {
    const char *commands[4];
    const char *out, *in; /* what is said of APP */
} STATES[] = {
    {{NULL}, "allowed", "allowed"},
    {{"firewall enable standby", "firewall deny standby 10001"}, "standby", "standby"},
    {{"firewall enable standby", "firewall deny standby 10002"}, "allowed", "allowed"},
    {{"firewall enable dozable"}, "dozable", "dozable"},
    {{"firewall enable dozable", "firewall allow dozable 10001"}, "allowed", "allowed"},
    {{"firewall allow dozable 10001", "firewall enable dozable", "firewall deny standby 10001",
      "firewall enable standby"},
     "standby",
     "standby"},
    {{"firewall enable powersave", "firewall allow powersave 10002"}, "powersave", "powersave"},
    {{"firewall enable restricted"}, "restricted", "restricted"},
    {{"firewall enable low_power_standby", "firewall allow 5 10001"}, "allowed", "allowed"},
    {{"firewall enable background"}, "background", "background"},
    {{"firewall enable oem_deny_2", "firewall deny oem_deny_2 10001"}, "oem_deny_2", "oem_deny_2"},
    {{"firewall enable metered_allow"}, "allowed", "allowed"},
    {{"firewall enable metered_allow", "iface metered a0 on"}, "metered_allow", "metered_allow"},
    {{"firewall enable metered_allow", "iface metered a0 on", "firewall allow metered_allow 10001"},
     "allowed",
     "allowed"},
    {{"firewall enable 12", "iface metered a0 on", "firewall deny 12 10001"},
     "metered_deny_admin",
     "metered_deny_admin"},
    {{"firewall iif 10001 a0"}, "allowed", "allowed"},
    {{"firewall iif 10001 lo"}, "allowed", "iif"},
    {{"firewall lockdown 10001 on"}, "allowed", "lockdown"},
    {{"firewall lockdown 10001 on", "firewall iif 10001 any"}, "allowed", "allowed"},
    {{"firewall lockdown 10001 on", "firewall iif 10001 a0"}, "allowed", "allowed"},
};

static json_t *why(unsigned int uid, const char *options)
{
    char words[96];

    snprintf(words, sizeof(words), "firewall why %u %s", uid, options);
    return run_ctl_json(the_world, words, 0);
}

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* The verdict is what happens to a packet; reason NULL: whichever. */
static void agrees(unsigned int uid, const struct udp *udp, bool out, const char *reason)
{
    json_t *answer = why(uid, out ? "--iface a0 --out" : "--iface a0 --in"), *chain;
    bool passes = out ? sends(udp) : receives(udp);

    assert_string_equal(text_of(answer, "verdict"), passes ? "pass" : "drop");
    if (reason)
        assert_string_equal(text_of(answer, "reason"), reason);
    chain = json_object_get(answer, "chain");
    if (passes || strcmp(text_of(answer, "reason"), "iif") == 0 || strcmp(text_of(answer, "reason"), "lockdown") == 0)
        assert_true(json_is_null(chain));
    else
        assert_string_equal(json_string_value(chain), text_of(answer, "reason"));
    json_decref(answer);
}

static void test_why_agrees_with_packets(void **state)
{
    struct udp app = udp_pair(the_world, APP, AF_INET, 1), other = udp_pair(the_world, OTHER, AF_INET6, 2);
    struct udp system_user = udp_pair(the_world, SYSTEM_UID, AF_INET, 3);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(STATES); i++) {
        for (size_t c = 0; c < ARRAY_SIZE(STATES[i].commands) && STATES[i].commands[c]; c++)
            wall("%s", STATES[i].commands[c]);
        agrees(APP, &app, true, STATES[i].out);
        agrees(APP, &app, false, STATES[i].in);
        agrees(OTHER, &other, true, NULL);
        agrees(OTHER, &other, false, NULL);
        agrees(SYSTEM_UID, &system_user, true, "system uid");
        agrees(SYSTEM_UID, &system_user, false, "system uid");
        assert_int_equal(wall_teardown(NULL), 0);
        assert_int_equal(wall_setup(NULL), 0);
    }
    udp_close(&app);
    udp_close(&other);
    udp_close(&system_user);
}

static void test_why_of_loopback(void **state)
{
    json_t *answer;

    (void)state;
    wall("firewall enable dozable");
    answer = why(APP, "--iface lo");
    assert_string_equal(text_of(answer, "verdict"), "pass");
    assert_string_equal(text_of(answer, "reason"), "loopback");
    json_decref(answer);
}

/* Nobody has named an interface: it is an ordinary one, and the packet goes out. */
static void test_why_without_options(void **state)
{
    json_t *answer;

    (void)state;
    wall("iface metered a0 on");
    wall("firewall enable metered_allow");
    wall("firewall lockdown %d on", APP);
    answer = why(APP, "");
    assert_string_equal(text_of(answer, "verdict"), "pass");
    assert_string_equal(text_of(answer, "direction"), "out");
    assert_true(json_is_null(json_object_get(answer, "iface")));
    json_decref(answer);
    answer = why(APP, "--in");
    assert_string_equal(text_of(answer, "reason"), "lockdown");
    json_decref(answer);
}

static void says(const char *words, const char *first, const char *second, const char *third)
{
    run_ctl(the_world, words, 0, &said);
    if (!strstr(said.out, first) || (second && !strstr(said.out, second)) || (third && !strstr(said.out, third)))
        fail_msg("trafficctl %s does not say '%s', '%s' and '%s' but: %s", words, first, second ?: "", third ?: "",
                 said.out);
}

static void test_why_explains(void **state)
{
    (void)state;
    wall("firewall enable standby");
    wall("firewall deny standby %d %d", APP, OTHER);
    says("-n firewall why 10001", "drop: what 10001 sends on an interface that is neither",
         "chain standby (2) is a deny list, is on, and this user is on it\n", "on its list: 10001 10002\n");
    says("-n firewall why 10003 --iface a0 --in", "pass: what 10003 receives on a0\n", "no chain that is on",
         "chain standby (2) is a deny list, is on, and this user is not on it\n");
    wall("firewall enable dozable");
    says("firewall why 10003", "chain dozable (1) is an allow list, is on, and this user is not on it\n",
         "on its list: nobody\n", NULL);
    says("firewall why 500", "pass: what 500 sends", "app_uids", NULL);
    says("firewall why 10003 --iface lo", "exempt_loopback", NULL, NULL);
    wall("firewall disable dozable");
    wall("firewall iif 10003 lo");
    says("firewall why 10003 --in", "iif: this user receives from lo and loopback alone", NULL, NULL);
    wall("firewall iif 10003 none");
    wall("firewall lockdown 10003 on");
    says("firewall why 10003 --in", "lockdown: ", NULL, NULL);
}

static json_t *drop_row(json_t *drops, json_int_t uid)
{
    json_t *rows = json_object_get(drops, "drops");

    for (size_t i = 0; i < json_array_size(rows); i++)
        if (json_integer_value(json_object_get(json_array_get(rows, i), "uid")) == uid)
            return json_array_get(rows, i);
    fail_msg("nothing was dropped for %d", (int)uid);
    return NULL;
}

static struct tctl_counters dropped(json_int_t uid, const char *reason)
{
    json_t *drops = run_ctl_json(the_world, "stats drops", 0), *row = drop_row(drops, uid);
    struct tctl_counters counters = json_counters(row);

    assert_string_equal(text_of(row, "reason"), reason);
    json_decref(drops);
    return counters;
}

/* Totals of all users in status; the JSON's and the text's. */
static struct tctl_counters dropped_by_all(void)
{
    json_t *status = run_ctl_json(the_world, "status", 0), *all = json_object_get(status, "dropped");
    struct tctl_counters counters = {
        .rx_packets = (uint64_t)json_integer_value(json_object_get(all, "rx_packets")),
        .tx_packets = (uint64_t)json_integer_value(json_object_get(all, "tx_packets")),
    };
    char text[96];

    json_decref(status);
    snprintf(text, sizeof(text), "dropped: %lu packets coming in, %lu going out\n", counters.rx_packets,
             counters.tx_packets);
    says("status", text, NULL, NULL);
    return counters;
}

static void send_blocked(int fd, size_t size)
{
    static const char data[4000];

    assert_int_equal(send(fd, data, size, 0), -1);
    assert_int_equal(errno, EPERM);
}

/* What comes in is dropped after send() at the other end has returned. */
static struct tctl_counters dropped_incoming(json_int_t uid, const char *reason, uint64_t packets)
{
    uint64_t start = now_ms();
    struct tctl_counters counters;

    do
        counters = dropped(uid, reason);
    while (counters.rx_packets < packets && now_ms() - start < PROMISE_MS);
    return counters;
}

static void test_drops_are_counted_exactly(void **state)
{
    struct udp udp = udp_pair(the_world, BLOCKED, AF_INET, 1);
    struct tctl_counters all = dropped_by_all(), expected;

    (void)state;
    wall("firewall deny standby %d", BLOCKED);
    wall("firewall enable standby");
    for (int i = 0; i < 7; i++)
        send_blocked(udp.a, 100);
    send_blocked(udp.a, 4000); /* would have been three fragments */
    for (int i = 0; i < 3; i++)
        assert_int_equal(send(udp.b, "hello", 5, 0), 5);
    expected = (struct tctl_counters){
        .rx_packets = 3, .rx_bytes = 3 * 33, .tx_packets = 7 + 3, .tx_bytes = 7 * 128 + 4028 + 2 * 20};
    assert_counters_equal("dropped", dropped_incoming(BLOCKED, "standby", 3), expected);
    expected.rx_bytes = expected.tx_bytes = 0;
    assert_counters_equal("all", counters_less(dropped_by_all(), all), expected);
    says("-n stats drops 10011", "10011  standby        99           3      4964          10\n", NULL, NULL);
    run_ctl(the_world, "stats drops 10013", 0, &said);
    assert_null(strstr(said.out, "standby"));
    udp_close(&udp);
}

static void test_refused_connect_is_a_packet_without_bytes(void **state)
{
    union address to = address_of(AF_INET, 0, 9);
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, REFUSED, AF_INET, SOCK_STREAM, 0);

    (void)state;
    wall("firewall enable powersave");
    assert_int_equal(connect(fd, &to.any, address_size(&to)), -1);
    assert_int_equal(errno, EPERM);
    assert_counters_equal("refused", dropped(REFUSED, "powersave"), (struct tctl_counters){.tx_packets = 1});
}

static void test_drops_are_for_the_group(void **state)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "stats", "drops", NULL};
    const char *const status[] = {"--bpffs", the_world->bpffs, "status", NULL};
    const char *const json[] = {"--bpffs", the_world->bpffs, "-j", "status", NULL};

    (void)state;
    assert_return_code(chmod(the_world->folder, 0755), errno);
    run_as(READER, "trafficctl", arguments, &said);
    assert_int_equal(said.exit, 0);
    assert_non_null(strstr(said.out, "REASON"));
    run_as(READER + 1, "trafficctl", arguments, &said);
    assert_refused(&said, 1, "read_group", NULL);
    run_as(READER, "trafficctl", status, &said);
    assert_int_equal(said.exit, 0);
    assert_non_null(strstr(said.out, "only root can compare"));
    run_as(READER, "trafficctl", json, &said);
    assert_non_null(strstr(said.out, "\"differs\":null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A(test_why_agrees_with_packets),   IN_A(test_why_of_loopback),
        IN_A(test_why_without_options),       IN_A(test_why_explains),
        IN_A(test_drops_are_counted_exactly), IN_A(test_refused_connect_is_a_packet_without_bytes),
        IN_A(test_drops_are_for_the_group),
    };
    const struct world_options shared = {.config = WALL_CONFIG};
    const struct world_options percpu = {.config = WALL_CONFIG, .percpu = true};

    return run_world("why and drops", tests, ARRAY_SIZE(tests), &shared) +
           run_world("why and drops", tests, ARRAY_SIZE(tests), &percpu);
}
