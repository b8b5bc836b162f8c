/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* status and firewall show. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "documents.h"
#include "documents_kit.h"
#include "fd.h"
#include "meter.h"

#define NAMES "traffic_iface_index_name_map"

static const char *const lost_pins[TCTL_COUNTED_MAPS] = {"traffic_app_uid_stats_map", "traffic_uid_stats_map",
                                                         "traffic_tag_stats_map", "traffic_iface_stats_map",
                                                         TCTL_DIR "/drops"};

static const char *const chain_pins[] = {NULL, "traffic_dozable_uid_map", "traffic_standby_uid_map",
                                         "traffic_powersave_uid_map"};

static bool has_map(uint32_t chain)
{
    return chain < ARRAY_SIZE(chain_pins);
}

/* Lists of who may pass; the others are of who may not. */
static bool is_allow(uint32_t chain)
{
    static const char *const names[] = {"dozable",           "powersave",  "restricted",
                                        "low_power_standby", "background", "metered_allow"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i], reason_names[chain]) == 0)
            return true;
    return false;
}

static uint32_t word_at(const void *bytes, size_t word)
{
    uint32_t value;

    memcpy(&value, (const char *)bytes + word * sizeof(value), sizeof(value));
    return value;
}

static struct tctl_config config_now(void)
{
    _cleanup_(dump_done) struct dump dump = dump_of(TCTL_DIR "/config");
    struct tctl_config config;

    memcpy(&config, dump_value(&dump, 0, 0), sizeof(config));
    return config;
}

/* Numbers in ascending order. */
struct list {
    uint32_t *numbers;
    size_t count;
};

static struct list list_for(const struct dump *dump)
{
    struct list list = {.numbers = calloc(dump->rows + 1, sizeof(uint32_t))};

    assert_non_null(list.numbers);
    return list;
}

static json_t *list_json(struct list *list)
{
    json_t *array = json_array();

    qsort(list->numbers, list->count, sizeof(*list->numbers), compare_uids);
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_integer(list->numbers[i]));
    free(list->numbers);
    return array;
}

/* Of a dump of trafficctl/uid_rules, where each reason is a bit. */
static json_t *ruled(const struct dump *rules, uint32_t reason)
{
    struct list list = list_for(rules);

    for (size_t i = 0; i < rules->rows; i++)
        if (word_at(dump_value(rules, i, 0), 1) & TCTL_BIT(reason))
            list.numbers[list.count++] = word_at(dump_key(rules, i), 0);
    return list_json(&list);
}

/* Of a map of netd's: its value says whether the UID passes; the switch is among the UIDs. */
static json_t *listed(uint32_t chain, bool *ret_switched)
{
    _cleanup_(dump_done) struct dump dump = dump_of(chain_pins[chain]);
    struct list list = list_for(&dump);

    *ret_switched = false;
    for (size_t i = 0; i < dump.rows; i++) {
        uint32_t uid = word_at(dump_key(&dump, i), 0);
        uint8_t passes = *(const uint8_t *)dump_value(&dump, i, 0);
        if (uid == TCTL_CHAIN_SWITCH)
            *ret_switched = passes == 1;
        else if (is_allow(chain) == (passes != 0))
            list.numbers[list.count++] = uid;
    }
    return list_json(&list);
}

static json_t *chain_json(uint32_t chain, const struct tctl_config *config, const struct dump *rules)
{
    bool switched = config->chains & TCTL_BIT(chain);
    json_t *uids = has_map(chain) ? listed(chain, &switched) : ruled(rules, chain);

    return json_pack("{s:s, s:I, s:s, s:b, s:o}", "name", reason_names[chain], "number", (json_int_t)chain, "type",
                     is_allow(chain) ? "allow" : "deny", "enabled", switched, "uids", uids);
}

static json_t *chains_now(const struct tctl_config *config, const struct dump *rules)
{
    json_t *chains = json_array();

    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++)
        json_array_append_new(chains, chain_json(chain, config, rules));
    return chains;
}

/* A rule for an interface that is gone is one for "#0". */
static void ruled_iface(const struct dump *names, uint32_t number, char ret_name[static TCTL_IFNAME_LEN])
{
    if (number == TCTL_NO_IFACE)
        strcpy(ret_name, "#0");
    else
        iface_of(names, number, ret_name);
}

/* Which interface the UID receives from; null: from any. */
static json_t *iface_rule(const struct dump *names, const struct dump *ifaces, uint32_t uid)
{
    char iface[TCTL_IFNAME_LEN];

    for (size_t i = 0; i < ifaces->rows; i++) {
        uint32_t number = word_at(dump_value(ifaces, i, 0), 1);
        if (word_at(dump_key(ifaces, i), 0) != uid)
            continue;
        ruled_iface(names, number, iface);
        return number == TCTL_ANY_IFACE ? json_null() : json_string(shown(iface));
    }
    fail_msg("%u has a rule and no interface", uid);
    return NULL;
}

static json_t *iface_rules(const struct dump *names, const struct dump *rules)
{
    _cleanup_(dump_done) struct dump ifaces = dump_of(TCTL_DIR "/uid_iface");
    json_t *array = json_array(), *uids = ruled(rules, TCTL_IFACE_RULE), *uid;
    size_t i;

    json_array_foreach(uids, i, uid)
    {
        json_t *iface = iface_rule(names, &ifaces, (uint32_t)json_integer_value(uid));
        json_array_append_new(array, json_pack("{s:O, s:o}", "uid", uid, "iface", iface));
    }
    json_decref(uids);
    return array;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* By their names. */
static json_t *metered_now(const struct dump *names)
{
    _cleanup_(dump_done) struct dump marks = dump_of(TCTL_DIR "/metered");
    char(*iface)[TCTL_IFNAME_LEN] = calloc(marks.rows + 1, sizeof(*iface));
    json_t *array = json_array();
    size_t count = 0;

    assert_non_null(iface);
    for (size_t i = 0; i < marks.rows; i++)
        if (*(const uint8_t *)dump_value(&marks, i, 0))
            iface_of(names, word_at(dump_key(&marks, i), 0), iface[count++]);
    qsort(iface, count, sizeof(*iface), compare_names);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(shown(iface[i])));
    free(iface);
    return array;
}

static void print_chain(FILE *out, const json_t *chain)
{
    const json_t *uids = json_object_get(chain, "uids"), *uid;
    size_t i;

    fprintf(out, "%s %lld %s %s", json_string_value(json_object_get(chain, "name")),
            json_integer_value(json_object_get(chain, "number")), json_string_value(json_object_get(chain, "type")),
            json_is_true(json_object_get(chain, "enabled")) ? "yes" : "no");
    json_array_foreach(uids, i, uid)
    {
        fprintf(out, " %lld", json_integer_value(uid));
    }
    fputs(i ? "\n" : " -\n", out);
}

static struct expected rules_now(const void *context)
{
    _cleanup_(dump_done) struct dump names = dump_of(NAMES), rules = dump_of(TCTL_DIR "/uid_rules");
    const struct tctl_config config = config_now();
    json_t *chains = chains_now(&config, &rules), *chain;
    struct expected expected = {0};
    size_t i, length;
    FILE *out = open_memstream(&expected.text, &length);

    (void)context;
    assert_non_null(out);
    json_array_foreach(chains, i, chain)
    {
        print_chain(out, chain);
    }
    assert_int_equal(fclose(out), 0);
    expected.json =
        json_pack("{s:o, s:o, s:o, s:o, s:b}", "chains", chains, "iif", iface_rules(&names, &rules), "lockdown",
                  ruled(&rules, TCTL_LOCKDOWN), "metered", metered_now(&names), "closed", config.closed != 0);
    return expected;
}

static struct tctl_state state_now(void)
{
    _cleanup_(dump_done) struct dump dump = dump_of(TCTL_DIR "/state");
    struct tctl_state state;

    memcpy(&state, dump_value(&dump, 0, 0), sizeof(state));
    return state;
}

static json_t *maps_now(void)
{
    static const char *const pins[] = {"traffic_cookie_tag_map",    "traffic_uid_counterSet_map",
                                       "traffic_app_uid_stats_map", "traffic_uid_stats_map",
                                       "traffic_tag_stats_map",     "traffic_iface_index_name_map",
                                       "traffic_iface_stats_map",   "traffic_dozable_uid_map",
                                       "traffic_standby_uid_map",   "traffic_powersave_uid_map"};
    json_t *maps = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
        _cleanup_(dump_done) struct dump dump = dump_of(pins[i]);
        json_array_append_new(maps, json_pack("{s:s, s:I, s:I}", "name", pins[i], "entries", (json_int_t)dump.rows,
                                              "max_entries", dump_room(pins[i])));
    }
    return maps;
}

static json_t *lost_now(const struct tctl_state *state)
{
    json_t *lost = json_object();

    for (size_t i = 0; i < TCTL_COUNTED_MAPS; i++)
        json_object_set_new(lost, lost_pins[i], json_integer(saturated(state->lost[i])));
    return lost;
}

/* Only whether each is on. */
static json_t *switches_now(void)
{
    const struct tctl_config config = config_now();
    json_t *switches = json_array();

    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++) {
        bool switched = config.chains & TCTL_BIT(chain);
        if (has_map(chain))
            json_decref(listed(chain, &switched));
        json_array_append_new(switches, json_pack("{s:s, s:b}", "name", reason_names[chain], "enabled", switched));
    }
    return switches;
}

static char *status_lines(const struct tctl_state *state, const json_t *maps)
{
    char *text = NULL;
    const json_t *map;
    size_t i, length;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    json_array_foreach(maps, i, map)
    {
        fprintf(out, "%s %lld %lld\n", json_string_value(json_object_get(map, "name")),
                json_integer_value(json_object_get(map, "entries")),
                json_integer_value(json_object_get(map, "max_entries")));
    }
    for (i = 0; i < TCTL_COUNTED_MAPS; i++)
        fprintf(out, "%s %" PRIu64 "\n", lost_pins[i], (uint64_t)state->lost[i]);
    fprintf(out, "dropped: %" PRIu64 " packets coming in, %" PRIu64 " going out\n", (uint64_t)state->dropped[0],
            (uint64_t)state->dropped[1]);
    assert_int_equal(fclose(out), 0);
    return text;
}

static struct expected status_now(const void *context)
{
    const struct tctl_state state = state_now();
    json_t *maps = maps_now(),
           *dropped = json_pack("{s:I, s:I, s:I}", "rx_packets", saturated(state.dropped[0]), "tx_packets",
                                saturated(state.dropped[1]), "untold", saturated(state.untold));

    (void)context;
    return (struct expected){
        .text = status_lines(&state, maps),
        .json = json_pack("{s:{s:s, s:n, s:[]}, s:o, s:o, s:o, s:o, s:I, s:s}", "backend", "name", "bpf", "why",
                          "lacks", "maps", maps, "lost", lost_now(&state), "chains", switches_now(), "dropped", dropped,
                          "since", (json_int_t)state.since_sec, "boot_id", state.boot_id),
    };
}

void status_agrees(void)
{
    comes_to_agree(&(struct document){"status", "", false, status_now, NULL});
}

void firewall_agrees(void)
{
    comes_to_agree(&(struct document){"firewall show", "--numeric", false, rules_now, NULL});
}

void all_agree(void)
{
    stats_agree(false);
    status_agrees();
    firewall_agrees();
    verify_agrees();
}
