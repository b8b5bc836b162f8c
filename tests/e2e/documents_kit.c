/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "documents_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "documents.h"
#include "iface_kit.h"
#include "meter.h"

#define TRIES 50

const char *const reason_names[TCTL_REASONS] = {
    NULL,         "dozable",    "standby",    "powersave",     "restricted",        "low_power_standby",  "background",
    "oem_deny_1", "oem_deny_2", "oem_deny_3", "metered_allow", "metered_deny_user", "metered_deny_admin", "iif",
    "lockdown",   "closed",
};

const struct odd_name odd_names[ODD_NAMES] = {
    {"w\303\274rfel\342\202\254", "w\303\274rfel\342\202\254", true}, /* UTF-8 */
    {"b\377\376\303(", "b\\xff\\xfe\\xc3(", true},
    {"\"\\{};$#", "\"\\{};$#", true},
    {"\033[31mred\177", "\\x1b[31mred\\x7f", false},
};

void iface_of(const struct dump *names, uint32_t number, char ret_name[static TCTL_IFNAME_LEN])
{
    snprintf(ret_name, TCTL_IFNAME_LEN, "%u", number);
    if (number >= TCTL_REMOVED_FIRST)
        strcpy(ret_name, "removed");
    for (size_t i = 0; i < names->rows; i++) {
        if (memcmp(dump_key(names, i), &number, sizeof(number)) == 0)
            snprintf(ret_name, TCTL_IFNAME_LEN, "%.15s", (const char *)dump_value(names, i, 0));
    }
}

const char *shown(const char *iface)
{
    for (size_t i = 0; i < ODD_NAMES; i++) {
        if (strcmp(odd_names[i].name, iface) == 0)
            return odd_names[i].shown;
    }
    return iface;
}

int compare_uids(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return (one > other) - (one < other);
}

void add_value(struct tctl_stats_value *sum, const struct tctl_stats_value *value)
{
    sum->rx_packets += value->rx_packets;
    sum->rx_bytes += value->rx_bytes;
    sum->tx_packets += value->tx_packets;
    sum->tx_bytes += value->tx_bytes;
}

void add_cpus(const struct dump *dump, size_t row, struct tctl_stats_value *sum)
{
    struct tctl_stats_value value;

    for (size_t cpu = 0; cpu < dump->cpus; cpu++) {
        memcpy(&value, dump_value(dump, row, cpu), sizeof(value));
        add_value(sum, &value);
    }
}

json_int_t saturated(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static json_t *ctl_json(const struct document *document)
{
    json_t *json = json_of(0, TCTL_BUILD "/trafficctl --bpffs %s --json %s", the_world->bpffs, document->words);

    assert_int_equal(json_integer_value(json_object_get(json, "version")), 1);
    if (document->narrow)
        document->narrow(json);
    return json;
}

/* Runs of blanks become one, at the ends of a line none. */
static void squeeze(char *text)
{
    char *out = text;

    for (const char *in = text; *in; in++)
        if (*in != ' ' || (!strchr(" \n", in[1]) && out != text && out[-1] != '\n'))
            *out++ = *in;
    *out = '\0';
}

static char *ctl_text(const char *options, const char *words)
{
    char command[512];
    char *text;

    snprintf(command, sizeof(command), TCTL_BUILD "/trafficctl --bpffs %s %s %s", the_world->bpffs, options, words);
    text = output_of(command);
    squeeze(text);
    return text;
}

/* The first member that is not the same; NULL: all are. */
static const char *wrong_member(const json_t *got, json_t *expected)
{
    const char *member;
    json_t *value;

    json_object_foreach(expected, member, value)
    {
        if (!json_equal(json_object_get(got, member), value))
            return member;
    }
    return NULL;
}

/* Down to the first row that is not the same. */
static void assert_same_json(const char *what, const json_t *got, const json_t *expected)
{
    for (size_t i = 0; i < json_array_size(got) && i < json_array_size(expected); i++)
        if (!json_equal(json_array_get(got, i), json_array_get(expected, i)))
            assert_same_json(what, json_array_get(got, i), json_array_get(expected, i));
    _cleanup_free_ char *got_text = json_dumps(got, JSON_ENCODE_ANY);
    _cleanup_free_ char *expected_text = json_dumps(expected, JSON_ENCODE_ANY);
    fail_msg("%s: it says %.2000s, and the maps %.2000s", what, got_text ?: "nothing", expected_text ?: "nothing");
}

static bool has_line(const char *text, const char *line, size_t length)
{
    for (const char *at = text; at; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, line, length) == 0 && at[length] == '\n')
            return true;
    return false;
}

/* The first line that is missing, or where whole texts differ; NULL: nowhere. */
static const char *wrong_line(const char *got, const char *expected, bool whole)
{
    for (const char *line = expected; *line; line = strchr(line, '\n') + 1) {
        size_t length = (size_t)(strchr(line, '\n') - line);
        if (!whole && !has_line(got, line, length))
            return line;
        if (whole && strncmp(got + (line - expected), line, length + 1) != 0)
            return line;
    }
    return whole && strlen(got) != strlen(expected) ? "the end" : NULL;
}

static void expected_done(struct expected *expected)
{
    json_decref(expected->json);
    free(expected->text);
}

/* False: not yet. */
static bool agrees(const struct document *document)
{
    _cleanup_(expected_done) struct expected before = document->now(document->context);
    json_t *json = ctl_json(document);
    _cleanup_free_ char *text = ctl_text(document->text_options, document->words);
    const char *member = wrong_member(json, before.json), *line = wrong_line(text, before.text, document->whole);

    if (member || line) {
        _cleanup_(expected_done) struct expected after = document->now(document->context);
        bool rest = json_equal(before.json, after.json) && strcmp(before.text, after.text) == 0;
        if (rest && member)
            assert_same_json(member, json_object_get(json, member), json_object_get(before.json, member));
        if (rest)
            fail_msg("%s: from the maps '%.200s', but it says: %.2000s", document->words, line, text);
    }
    json_decref(json);
    return !member && !line;
}

void comes_to_agree(const struct document *document)
{
    for (int i = 0; !agrees(document); i++)
        assert_true(i < TRIES);
}
