/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Each example does what it says, with the shared library and with the static one; beside what the library reads. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "kit.h"
#include "program.h"

#define UID 10001
#define OTHER 10002

static struct program said;
static const char *const kinds[] = {"", "_static"};

static void send_some(void)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    udp_send(udp.a, udp.b, 1000);
    udp_send(udp.b, udp.a, 300);
    udp_close(&udp);
}

/* In A's network namespace; words follow the example's name, %s in them is the bpffs. */
static void example(const char *name, const char *kind, const char *words)
{
    const char *argument[8] = {NULL};
    char program[64], line[160];
    size_t n = 0;

    snprintf(program, sizeof(program), "examples/%s%s", name, kind);
    snprintf(line, sizeof(line), words, the_world->bpffs);
    for (char *w = strtok(line, " "); w && n < ARRAY_SIZE(argument) - 1; w = strtok(NULL, " "))
        argument[n++] = w;
    assert_return_code(setns(the_world->netns[PLACE_A], CLONE_NEWNET), errno);
    run_as(strcmp(name, "own_bytes") && strcmp(name, "details") ? 0 : UID, program, argument, &said);
    assert_return_code(setns(the_world->home, CLONE_NEWNET), errno);
    if (said.exit != 0)
        fail_msg("%s %s: exit status %d, it said: %s", program, words, said.exit, said.error);
}

static void assert_said(const char *line)
{
    const char *found = strstr(said.out, line);

    if (!found || (found != said.out && found[-1] != '\n') || found[strlen(line)] != '\n')
        fail_msg("it did not say '%s' but: %s", line, said.out);
}

static void said_counters(const char *before, const struct tctl_counters *counters, const char *after)
{
    char line[160];

    snprintf(line, sizeof(line), "%sreceived %" PRIu64 " bytes, sent %" PRIu64 "%s", before, counters->rx_bytes,
             counters->tx_bytes, after);
    assert_said(line);
}

static void test_own_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        send_some();
        const struct tctl_counters own = uid_total(the_world, UID);
        example("own_bytes", kinds[i], "%s");
        said_counters("", &own, " bytes");
        assert_true(own.tx_bytes >= 1000 && own.rx_bytes >= 300);
    }
}

static void test_details(void **state)
{
    const struct tctl_filter filter = {.has_uid = true, .uid = UID, .has_tag = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        send_some();
        const struct tctl_counters own = detail_sum(the_world, &filter);
        example("details", kinds[i], "%s nosuch0 a0");
        said_counters("a0 tag 0x0 set 0: ", &own, "");
        example("details", kinds[i], "%s nosuch0");
        assert_string_equal(said.out, "");
    }
}

/* What the kernel itself sends at times is counted by interface alone. */
static void test_totals(void **state)
{
    struct tctl_counters before, after;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        send_some();
        const struct tctl_counters own = uid_total(the_world, UID);
        do {
            assert_int_equal(tctl_read_iface(the_world->traffic, NULL, &before), 0);
            example("totals", kinds[i], "%s");
            assert_int_equal(tctl_read_iface(the_world->traffic, NULL, &after), 0);
        } while (memcmp(&before, &after, sizeof(after)) != 0);
        said_counters("uid 10001: ", &own, "");
        said_counters("interfaces 0: ", &after, "");
        assert_true(after.tx_bytes >= own.tx_bytes);
    }
}

static void test_raw(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        send_some();
        const struct tctl_counters own = uid_total(the_world, UID);
        example("raw", kinds[i], "%s 10001");
        said_counters("", &own, " bytes");
    }
}

struct sender {
    const char *name, *kind;
    const char *arguments[3];
};

/* In A and in the counted control group. */
static int run_sender(int channel, void *arg)
{
    const struct sender *sender = arg;
    char path[256];

    (void)channel;
    snprintf(path, sizeof(path), "%s/examples/%s%s", TCTL_BUILD, sender->name, sender->kind);
    execl(path, path, sender->arguments[0], sender->arguments[1], sender->arguments[2], (char *)NULL);
    return -errno;
}

/* "hello", and the headers of UDP and IPv4, are charged to uid. */
static void sends_hello(struct sender sender, uid_t as, uint32_t uid, uint32_t tag)
{
    const struct tctl_counters before = tag_sum(the_world, uid, tag);

    assert_int_equal(as_uid(the_world, PLACE_A, as, run_sender, &sender), 0);
    assert_counters_equal(sender.name, counters_less(tag_sum(the_world, uid, tag), before),
                          (struct tctl_counters){.tx_packets = 1, .tx_bytes = 33});
}

static void test_tag(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        sends_hello((struct sender){"tag", kinds[i], {WORLD_B4, the_world->fwmarkd}}, UID, UID, 0xcafe);
}

static void test_charge(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        sends_hello((struct sender){"charge", kinds[i], {WORLD_B4, "10002", the_world->bpffs}}, 0, OTHER, 0xbeef);
}

static void test_sockets(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);
    char line[80];

    (void)state;
    tag_write(the_world, udp.a, OTHER, 0xf00d);
    snprintf(line, sizeof(line), "cookie %" PRIu64 ": uid 10002, tag 0xf00d", cookie_of(udp.a));
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        example("sockets", kinds[i], "%s");
        assert_said(line);
    }
    udp_close(&udp);
}

static int run_events(int channel, void *kind)
{
    dup2(channel, STDOUT_FILENO);
    dup2(channel, STDERR_FILENO);
    return run_sender(channel, &(struct sender){"events", kind, {the_world->bpffs, "1"}});
}

static void events_say(const struct actor *events, const char *line)
{
    char text[160];

    wait_for(events->channel, POLLIN);
    ssize_t n = recv(events->channel, text, sizeof(text) - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, line);
}

/* Events are told once a second for each user and reason: each kind blocks another. */
static void block(uid_t uid, const char *kind)
{
    struct udp udp = udp_pair(the_world, uid, AF_INET, 1);
    struct actor events;
    char words[40], line[40];

    assert_int_equal(actor_start(the_world, PLACE_A, 0, run_events, (void *)kind, &events), 0);
    events_say(&events, "listening\n");
    snprintf(words, sizeof(words), "%%s %u on", uid);
    example("block", kind, words);
    assert_said("dropped: standby");
    example("chains", kind, "%s");
    snprintf(line, sizeof(line), "standby on (these are blocked): %u", uid);
    assert_said(line);
    assert_said("dozable off (these pass):");

    assert_int_equal(send(udp.a, "x", 1, 0), -1);
    snprintf(line, sizeof(line), "%u out: standby\n", uid);
    events_say(&events, line);
    assert_int_equal(actor_wait(&events), 0);
    snprintf(words, sizeof(words), "%%s %u off", uid);
    example("block", kind, words);
    assert_said("passes: allowed");
    udp_send(udp.a, udp.b, 10);
    udp_close(&udp);
}

static void test_block_chains_and_events(void **state)
{
    (void)state;
    block(UID, kinds[0]);
    block(OTHER, kinds[1]);
}

static void test_health(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        example("health", kinds[i], "%s");
        assert_said("ok");
        assert_said("a0: agrees");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_bytes), cmocka_unit_test(test_details),
        cmocka_unit_test(test_totals),    cmocka_unit_test(test_raw),
        cmocka_unit_test(test_tag),       cmocka_unit_test(test_charge),
        cmocka_unit_test(test_sockets),   cmocka_unit_test(test_block_chains_and_events),
        cmocka_unit_test(test_health),
    };
    const struct world_options options = {.netfilter = "link", .config = "read_group = 10001\n"};

    return run_world("examples", tests, ARRAY_SIZE(tests), &options);
}
