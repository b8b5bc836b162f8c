/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "old_readers.h"

#define LINE 384 /* theirs: a longer line would be two */
#define STATS_WORDS 21
#define FMT_WORDS 17

void old_rows_done(struct old_rows *rows)
{
    free(rows->all);
}

static void add_row(struct old_rows *rows, const struct old_row *row)
{
    rows->all = reallocarray(rows->all, rows->count + 1, sizeof(*rows->all));
    assert_non_null(rows->all);
    rows->all[rows->count++] = *row;
}

static void add(struct tctl_counters *sum, const struct tctl_counters *counters)
{
    sum->rx_bytes += counters->rx_bytes;
    sum->rx_packets += counters->rx_packets;
    sum->tx_bytes += counters->tx_bytes;
    sum->tx_packets += counters->tx_packets;
}

/* A file as they open it. */
static FILE *opened(const char *text)
{
    FILE *file = *text ? fmemopen((void *)text, strlen(text), "r") : fopen("/dev/null", "re");

    assert_non_null(file);
    return file;
}

struct old_rows old_native_stats(const char *text)
{
    _cleanup_fclose_ FILE *file = opened(text);
    struct old_rows rows = {0};
    char buffer[LINE];
    uint32_t last = 1, lines = 0, index;
    uint64_t tag;

    for (; fgets(buffer, sizeof(buffer), file); lines++) {
        struct old_row row;
        struct tctl_counters *counters = &row.counters;
        if (sscanf(buffer, "%" SCNu32 " %31s 0x%" SCNx64 " %u %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &index,
                   row.iface, &tag, &row.uid, &row.set, &counters->rx_bytes, &counters->rx_packets, &counters->tx_bytes,
                   &counters->tx_packets) != 9)
            continue;
        if (index != last + 1)
            fail_msg("inconsistent idx=%u after lastIdx=%u", index, last);
        last = index;
        row.tag = (uint32_t)(tag >> 32);
        add_row(&rows, &row);
    }
    assert_int_equal(lines, rows.count + 1); /* nothing but the titles was passed over */
    return rows;
}

/* A line as words, of which there are so many. */
struct words {
    char line[1024];
    char *word[STATS_WORDS + 1];
};

static bool next_words(FILE *file, size_t count, struct words *words)
{
    char *at = words->line;
    size_t n = 0;

    if (!fgets(words->line, sizeof(words->line), file))
        return false;
    at[strcspn(at, "\n")] = '\0';
    while (n <= count && (words->word[n] = strsep(&at, " ")))
        n++;
    if (n != count)
        fail_msg("there are %zu words, not %zu, in the line of '%s'", n, count, words->word[0]);
    return true;
}

/* Digits alone. */
static uint64_t number_of(const char *word)
{
    char *end;
    uint64_t number = strtoull(word, &end, 10);

    if (!isdigit((unsigned char)*word) || *end)
        fail_msg("'%s' is no number", word);
    return number;
}

static struct tctl_counters counters_of(char *const *word)
{
    return (struct tctl_counters){.rx_bytes = number_of(word[0]),
                                  .rx_packets = number_of(word[1]),
                                  .tx_bytes = number_of(word[2]),
                                  .tx_packets = number_of(word[3])};
}

/* NetworkManagementSocketTagger.kernelToTag(): all but the last eight digits. */
static uint32_t kernel_to_tag(const char *text)
{
    char digits[32];

    assert_true(strncmp(text, "0x", 2) == 0);
    if (strlen(text) <= 10)
        return 0;
    snprintf(digits, sizeof(digits), "%.*s", (int)strlen(text) - 8, text);
    return (uint32_t)strtoull(digits, NULL, 16);
}

static void are_zeroes(char *const *word, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(word[i], "0");
}

struct old_rows old_java_stats(const char *text)
{
    _cleanup_fclose_ FILE *file = opened(text);
    struct old_rows rows = {0};
    struct words words;
    uint64_t last = 1;

    assert_true(next_words(file, STATS_WORDS, &words));
    while (next_words(file, STATS_WORDS, &words)) {
        char **word = words.word;
        struct old_row row = {.tag = kernel_to_tag(word[2]), .counters = counters_of(word + 5)};
        if (number_of(word[0]) != last + 1)
            fail_msg("inconsistent idx=%s after lastIdx=%" PRIu64, word[0], last);
        last++;
        snprintf(row.iface, sizeof(row.iface), "%s", word[1]);
        row.uid = (uint32_t)number_of(word[3]);
        row.set = (uint32_t)number_of(word[4]);
        are_zeroes(word + 9, 12);
        add_row(&rows, &row);
    }
    return rows;
}

struct tctl_counters old_uid_stats(const char *text, uint32_t uid)
{
    struct old_rows rows = old_native_stats(text);
    struct tctl_counters sum = {0};

    for (size_t i = 0; i < rows.count; i++)
        if (rows.all[i].uid == uid && rows.all[i].tag == 0)
            add(&sum, &rows.all[i].counters);
    old_rows_done(&rows);
    return sum;
}

struct tctl_counters old_iface_fmt(const char *text, const char *iface)
{
    _cleanup_fclose_ FILE *file = opened(text), *again = opened(text);
    struct tctl_counters sum = {0}, counters;
    uint64_t tcp_rx, tcp_tx;
    char buffer[LINE], name[32];
    struct words words;
    size_t lines = 0, matched = 0;

    for (; fgets(buffer, sizeof(buffer), file); lines++) {
        if (sscanf(buffer,
                   "%31s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64 " %*u %*u %*u %*u %*u %" SCNu64
                   " %*u %*u %*u %*u",
                   name, &counters.rx_bytes, &counters.rx_packets, &counters.tx_bytes, &counters.tx_packets, &tcp_rx,
                   &tcp_tx) != 7)
            continue;
        matched++;
        assert_true(tcp_rx == 0 && tcp_tx == 0);
        if (!iface || strcmp(iface, name) == 0)
            add(&sum, &counters);
    }
    assert_int_equal(lines, matched + 1);
    for (size_t i = 0; next_words(again, FMT_WORDS, &words); i++)
        if (i > 0)
            are_zeroes(words.word + 5, 12);
    return sum;
}

struct old_rows old_iface_all(const char *text)
{
    _cleanup_fclose_ FILE *file = opened(text);
    struct old_rows rows = {0};
    struct words words;

    while (next_words(file, 10, &words)) {
        struct old_row row = {.counters = counters_of(words.word + 2)};
        struct tctl_counters live = counters_of(words.word + 6);
        snprintf(row.iface, sizeof(row.iface), "%s", words.word[0]);
        row.set = (uint32_t)number_of(words.word[1]); /* is it there? */
        if (row.set)
            add(&row.counters, &live);
        add_row(&rows, &row);
    }
    return rows;
}

int old_ctrl_references(const char *text, uint32_t tag, uint32_t uid)
{
    const uint64_t full = (uint64_t)tag << 32 | uid;
    _cleanup_fclose_ FILE *file = opened(text);
    char line[LINE], pattern[64];
    uint64_t socket, kernel_tag;
    uint32_t kernel_uid, pid, references;

    snprintf(pattern, sizeof(pattern), " tag=0x%" PRIx64 " (uid=%" PRIu32 ")", full, uid);
    while (fgets(line, sizeof(line), file)) {
        if (!strstr(line, pattern))
            continue;
        assert_int_equal(sscanf(line, "sock=%" SCNx64 " tag=0x%" SCNx64 " (uid=%" SCNu32 ") pid=%u f_count=%u", &socket,
                                &kernel_tag, &kernel_uid, &pid, &references),
                         5);
        assert_true(kernel_tag == full && kernel_uid == uid);
        return (int)references;
    }
    return -ENOENT;
}

bool old_ctrl_has_tag(const char *text, uint32_t tag, uint32_t uid)
{
    const uint64_t acct = (uint64_t)tag << 32;
    char part[64];

    snprintf(part, sizeof(part), "tag=0x%" PRIx64 " (uid=%u)", acct | uid, uid);
    return strstr(text, part);
}

static bool is_like(const char *line, const char *grammar)
{
    regex_t compiled;

    assert_int_equal(regcomp(&compiled, grammar, REG_EXTENDED | REG_NOSUB), 0);
    int r = regexec(&compiled, line, 0, NULL, 0);
    regfree(&compiled);
    return r == 0;
}

size_t old_ctrl_sockets(const char *text)
{
    static const char SOCKET[] = "^sock=[0-9a-f]+ tag=0x[0-9a-f]+ \\(uid=[0-9]+\\) pid=[0-9]+ f_count=[0-9]+$",
                      EVENTS[] = "^events: sockets_tagged=[0-9]+ sockets_untagged=[0-9]+ counter_set_changes=[0-9]+ "
                                 "delete_cmds=[0-9]+ iface_events=[0-9]+ match_calls=[0-9]+ match_calls_prepost=[0-9]+ "
                                 "match_found_sk=[0-9]+ match_found_sk_in_ct=[0-9]+ match_found_no_sk_in_ct=[0-9]+ "
                                 "match_no_sk=[0-9]+ match_no_sk_(file|gid)=[0-9]+$";
    _cleanup_fclose_ FILE *file = opened(text);
    char line[1024];
    size_t sockets = 0;
    bool ended = false;

    while (fgets(line, sizeof(line), file)) {
        assert_int_equal(line[strlen(line) - 1], '\n');
        line[strlen(line) - 1] = '\0';
        assert_false(ended);
        ended = is_like(line, EVENTS);
        if (!ended && !is_like(line, SOCKET))
            fail_msg("'%s' is of no known form", line);
        sockets += !ended;
    }
    assert_true(ended);
    return sockets;
}
