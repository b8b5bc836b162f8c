/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall's decision table in the kernel: generated packets through the real programs, by rules in the real maps.
 * What is counted and what is dropped is compared at the end, over all rows. Root.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "chains.h"
#include "fixture.h"
#include "holder.h"
#include "verdicts.h"

#define UID VERDICT_OWNER
#define RANDOM_CASES 200000
#define REFUSED 2
#define NO_NAMESPACE 1 /* no inode of a network namespace's */

struct table {
    const struct fixture *fixture;
    int chain[TCTL_POWERSAVE + 1], rules, ifaces, config, ingress, egress;
    uint64_t *generation;
    uint32_t plain, metered, netns;
    struct tctl_config now;
    struct verdict_case held; /* whose rules the maps hold */
    uint64_t rows, passed_out, in;
    uint64_t dropped[TCTL_REASONS][2]; /* incoming, outgoing */
};

static void write_map(int fd, const void *key, const void *value)
{
    int r = value ? bpf_map_update_elem(fd, key, value, BPF_ANY) : bpf_map_delete_elem(fd, key);

    assert_true(r == 0 || (!value && r == -ENOENT));
}

static void write_netds(const struct table *table, const struct verdict_case *row, uint32_t chain)
{
    static const uint8_t value[VERDICT_ENTRIES] = {[VERDICT_ALLOWED] = 1, [VERDICT_ODD] = 200};
    const uint32_t uid = UID, key = TCTL_CHAIN_SWITCH;
    const uint8_t entry = row->owner.entry[chain], on = row->on[chain];

    if (on != table->held.on[chain])
        write_map(table->chain[chain], &key, &on);
    if (entry != table->held.owner.entry[chain])
        write_map(table->chain[chain], &uid, entry == VERDICT_ABSENT ? NULL : &value[entry]);
}

static bool is_on_list(enum tctl_reason chain, enum verdict_entry entry)
{
    if (TCTL_ALLOW_LISTS & TCTL_BIT(chain))
        return entry == VERDICT_ALLOWED || entry == VERDICT_ODD;
    return entry == VERDICT_DENIED;
}

/* A UID that nothing is said of has no row. */
static void write_rules(const struct table *table, const struct verdict_rules *rules)
{
    struct tctl_uid_rules row = {.uid = UID};

    for (uint32_t chain = TCTL_RESTRICTED; chain < TCTL_CHAINS; chain++)
        row.rules |= is_on_list(chain, rules->entry[chain]) ? TCTL_BIT(chain) : 0;
    row.rules |= rules->iif != VERDICT_IIF_NONE ? TCTL_BIT(TCTL_IFACE_RULE) : 0;
    row.rules |= rules->lockdown ? TCTL_BIT(TCTL_LOCKDOWN) : 0;
    write_map(table->rules, &row.uid, row.rules ? &row : NULL);
}

/* An interface that is gone has a number that says so; at times its row is gone with it. */
static void write_iface(const struct table *table, const struct verdict_rules *rules)
{
    struct tctl_uid_iface row = {.uid = UID, .iface = TCTL_NO_IFACE};
    bool none = rules->iif == VERDICT_IIF_NONE || (rules->iif == VERDICT_IIF_GONE && rules->lockdown);

    if (rules->iif == VERDICT_IIF_ANY)
        row.iface = TCTL_ANY_IFACE;
    if (rules->iif == VERDICT_IIF_PLAIN || rules->iif == VERDICT_IIF_METERED)
        row.iface = rules->iif == VERDICT_IIF_PLAIN ? table->plain : table->metered;
    write_map(table->ifaces, &row.uid, none ? NULL : &row);
}

static void write_config(struct table *table, const struct verdict_case *row)
{
    const uint32_t zero = 0;
    struct tctl_config config = table->now;

    config.per_user_range = row->class->per_user_range;
    config.app_uids[0] = (struct tctl_uid_range){row->class->first, row->class->last};
    config.closed = row->closed;
    config.exempt_esp = row->exempt_esp;
    config.exempt_loopback = row->exempt_loopback;
    config.chains = 0;
    for (uint32_t chain = TCTL_RESTRICTED; chain < TCTL_CHAINS; chain++)
        config.chains |= row->on[chain] ? TCTL_BIT(chain) : 0;
    config.netns_inum =
        row->place == VERDICT_FOREIGN || row->place == VERDICT_FOREIGN_LOOPBACK ? NO_NAMESPACE : table->netns;
    if (memcmp(&config, &table->now, sizeof(config)) != 0)
        write_map(table->config, &zero, &config);
    table->now = config;
}

static bool is_same(const struct verdict_rules *a, const struct verdict_rules *b)
{
    return memcmp(a->entry, b->entry, sizeof(a->entry)) == 0 && a->iif == b->iif && a->lockdown == b->lockdown;
}

/* As every writer: the generation last. (Each run has a socket of its own; what is known of its UID is from before.) */
static void hold(struct table *table, const struct verdict_case *row)
{
    write_config(table, row);
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE; chain++)
        write_netds(table, row, chain);
    if (!is_same(&row->owner, &table->held.owner)) {
        write_rules(table, &row->owner);
        write_iface(table, &row->owner);
    }
    __atomic_fetch_add(table->generation, 1, __ATOMIC_SEQ_CST);
    table->held = *row;
}

/* REFUSED: the kernel runs nothing that is shorter than its network header. */
static uint32_t run(const struct table *table, const struct verdict_case *row)
{
    uint8_t bytes[FIXTURE_ETHERNET + VERDICT_PACKET] = {
        [12] = row->packet.ipv6 ? 0x86 : 0x08, [13] = row->packet.ipv6 ? 0xDD : 0};
    struct __sk_buff skb = {.ifindex = row->place == VERDICT_METERED ? table->metered : table->plain};
    size_t length = verdict_packet_bytes(&row->packet, bytes + FIXTURE_ETHERNET);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = (uint32_t)(length + FIXTURE_ETHERNET),
                .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = 1);
    int r;

    if (row->place == VERDICT_LOOPBACK || row->place == VERDICT_FOREIGN_LOOPBACK)
        skb.ifindex = 1;
    r = bpf_prog_test_run_opts(row->out ? table->egress : table->ingress, &options);
    if (r == -EINVAL && length < (row->packet.ipv6 ? 40 : 20))
        return REFUSED;
    if (r < 0)
        fail_msg("cannot be run: %s: %s", strerror(-r), verdict_describe(row));
    return options.retval;
}

/* Sockets of these runs are no raw ones, and nobody's namespace is asked about. */
static void check_row(const struct verdict_case *row, void *arg)
{
    struct table *table = arg;
    const struct verdict_expected expected = verdict_expect(row);
    uint32_t verdict;

    if (row->crafted || row->class->owner != row->class->user)
        return;
    hold(table, row);
    verdict = run(table, row);
    if (verdict == REFUSED)
        return;
    if (verdict != expected.pass)
        fail_msg("%s although %u: %s", expected.pass ? "dropped" : "passed", expected.reason, verdict_describe(row));
    table->rows++;
    table->in += !row->out;
    table->passed_out += row->out && expected.pass;
    if (!expected.pass)
        table->dropped[expected.reason][row->out]++;
}

/* Dropped on the way in: it crossed the link, and is counted. Each drop is counted by its first reason. */
static void check_counters(const struct table *table)
{
    const uint32_t uid = UID, zero = 0;
    struct tctl_stats_value total = fixture_row(table->fixture, PIN_APP_UID_STATS, &uid);
    struct tctl_state state;
    uint64_t in = 0, out = 0;

    for (uint32_t reason = 0; reason < TCTL_REASONS; reason++) {
        const struct tctl_drop_key key = {.uid = UID, .reason = reason};
        struct tctl_drop drop = {.lock = 0};

        fixture_get(table->fixture, PIN_DROPS, &key, &drop);
        assert_int_equal(drop.dropped.rx_packets, table->dropped[reason][0]);
        assert_int_equal(drop.dropped.tx_packets, table->dropped[reason][1]);
        in += drop.dropped.rx_packets;
        out += drop.dropped.tx_packets;
    }
    assert_int_equal(total.rx_packets, table->in);
    assert_int_equal(total.tx_packets, table->passed_out);
    assert_true(fixture_get(table->fixture, PIN_STATE, &zero, &state));
    assert_int_equal(state.dropped[0], in);
    assert_int_equal(state.dropped[1], out);
    assert_int_equal(state.lost[TCTL_DROPS], 0);
}

/* In the network namespace of the holder, from which the process returns no more. */
static void make_interfaces(struct table *table)
{
    struct stat status;
    int r;

    assert_return_code(stat("/proc/self/ns/net", &status), errno);
    table->netns = (uint32_t)status.st_ino;
    r = system("ip link add plain0 type veth peer name metered0"); /* NOLINT: the test's own words */
    assert_int_equal(r, 0);
    table->plain = if_nametoindex("plain0");
    table->metered = if_nametoindex("metered0");
    assert_true(table->plain > 1 && table->metered > 1);
}

static void open_table(const struct fixture *fixture, struct table *table)
{
    const uint32_t zero = 0;

    *table = (struct table){.fixture = fixture};
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE; chain++)
        table->chain[chain] = fixture_pin(fixture, chains_pin(chain));
    table->rules = fixture_pin(fixture, PIN_UID_RULES);
    table->ifaces = fixture_pin(fixture, PIN_UID_IFACE);
    table->config = fixture_pin(fixture, PIN_CONFIG);
    table->generation = fixture_map_generation(fixture);
    table->ingress = fixture_pin(fixture, PIN_INGRESS_PROG);
    table->egress = fixture_pin(fixture, PIN_EGRESS_PROG);
    assert_true(fixture_get(fixture, PIN_CONFIG, &zero, &table->now));
}

static void close_table(const struct table *table)
{
    for (uint32_t chain = TCTL_DOZABLE; chain <= TCTL_POWERSAVE; chain++)
        close(table->chain[chain]);
    close(table->rules);
    close(table->ifaces);
    close(table->config);
    munmap(table->generation, sizeof(*table->generation));
    close(table->ingress);
    close(table->egress);
}

static void random_rows(struct table *table)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)getpid() << 32 | 0x9E3779B9;
    struct verdict_case row;

    print_message("SEED=%" PRIu64 "\n", seed);
    for (int i = 0; i < RANDOM_CASES; i++) {
        verdict_random(&seed, &row);
        check_row(&row, table);
    }
}

static void judge(struct fixture *fixture, bool whole)
{
    static struct table table;
    const uint8_t one = 1;
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    pid_t holder = holder_start();

    fixture_load(fixture);
    assert_int_equal(holder_enter(holder), 0);
    open_table(fixture, &table);
    make_interfaces(&table);
    fixture_put(fixture, PIN_METERED, &table.metered, &one);
    if (whole)
        verdicts_each(check_row, &table);
    random_rows(&table);
    print_message("%" PRIu64 " rows\n", table.rows);
    assert_true(table.rows > (whole ? 1000000 : RANDOM_CASES / 2));
    check_counters(&table);
    close_table(&table);
    assert_return_code(setns(home, CLONE_NEWNET), errno);
    close(home);
    holder_end(holder);
}

static void test_whole_decision_table(void **state)
{
    judge(*state, true);
}

/* The counters beside it are others; the drops are not. */
static void test_random_cases_with_percpu_counters(void **state)
{
    judge(*state, false);
}

static int percpu_set_up(void **state)
{
    *state = fixture_new(true);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_decision_table, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_random_cases_with_percpu_counters, percpu_set_up, fixture_tear_down),
    };

    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: decision table", tests, NULL, NULL);
}
