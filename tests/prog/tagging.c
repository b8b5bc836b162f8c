/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "tagging.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "loopback.h"
#include "read.h"
#include "tally.h"

static int set_up(void **state, bool percpu)
{
    struct fixture *fixture = *state = fixture_new(percpu);
    fixture_load(fixture);
    return 0;
}

int tagging_set_up(void **state)
{
    return set_up(state, false);
}

int tagging_set_up_percpu(void **state)
{
    return set_up(state, true);
}

void tagging_allow_files(void)
{
    struct rlimit files;
    assert_return_code(getrlimit(RLIMIT_NOFILE, &files), errno);
    files.rlim_cur = files.rlim_max;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &files), errno);
}

struct tags tagging_open(const struct fixture *fixture)
{
    struct tags tags;
    assert_int_equal(tags_open(fixture->bpffs, &tags), 0);
    return tags;
}

int tagging_set(struct tags *tags, int fd, uint32_t uid, uint32_t tag)
{
    const struct tctl_tag row = {.uid = uid, .tag = tag};
    const struct tags_limit none = {0};
    return tags_set(tags, fd, &row, &none);
}

void tagging_close(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fds[i] = fd_close(fds[i]);
}

struct tctl_tag tagging_row(const struct fixture *fixture, int fd)
{
    const uint64_t cookie = loopback_cookie(fd);
    struct tctl_tag tag = {.uid = TCTL_NOBODY};
    fixture_get(fixture, PIN_COOKIE_TAG, &cookie, &tag);
    return tag;
}

bool tagging_has_row(const struct fixture *fixture, uint64_t cookie)
{
    struct tctl_tag tag;
    return fixture_get(fixture, PIN_COOKIE_TAG, &cookie, &tag);
}

void tagging_assert_row(const struct fixture *fixture, int fd, uint32_t uid, uint32_t tag)
{
    struct tctl_tag row = tagging_row(fixture, fd);
    assert_int_equal(row.uid, uid);
    assert_int_equal(row.tag, tag);
}

void tagging_assert_no_row(const struct fixture *fixture, int fd)
{
    assert_false(tagging_has_row(fixture, loopback_cookie(fd)));
}

static struct tctl_tag_count count_of(const struct fixture *fixture, uint32_t uid)
{
    const struct tctl_tag key = {.uid = uid};
    struct tctl_tag_count count = {0};
    fixture_get(fixture, PIN_TAG_COUNT, &key, &count);
    return count;
}

uint32_t tagging_tags(const struct fixture *fixture, uint32_t uid)
{
    return count_of(fixture, uid).tags;
}

uint64_t tagging_rows(const struct fixture *fixture, uint32_t uid)
{
    uint64_t ended = 0;
    fixture_get(fixture, PIN_TAGS_ENDED, &uid, &ended);
    return count_of(fixture, uid).rows - ended;
}

bool tagging_is_counted(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    const struct tctl_tag key = {.uid = uid, .tag = tag};
    struct tctl_tag_count count;
    return fixture_get(fixture, PIN_TAG_COUNT, &key, &count);
}

static int add_row(void *tally, const void *key, const void *value)
{
    const struct tctl_tag *tag = value;
    (void)key;
    return tally_add(tally, tag->uid, tag->tag, 1);
}

static int add_counted(void *tally, const void *key, const void *value)
{
    const struct tctl_tag *tag = key;
    (void)value;
    return tally_add(tally, tag->uid, tag->tag, 0);
}

static void scan(const struct fixture *fixture, enum pin_id id, read_row_fn row, void *context)
{
    _cleanup_fd_ int fd = fixture_pin(fixture, id);
    struct read_shape shape;
    assert_int_equal(read_shape_of(fd, &shape), 0);
    assert_int_equal(read_map(&read_kernel, fd, &shape, row, context), 0);
}

void tagging_assert_counts_agree(const struct fixture *fixture)
{
    _cleanup_(tally_done) struct tally tally = {0};
    scan(fixture, PIN_COOKIE_TAG, add_row, &tally);
    scan(fixture, PIN_TAG_COUNT, add_counted, &tally);
    tally_finish(&tally);
    for (size_t i = 0; i < tally.count; i++) {
        const struct tally_entry *entry = &tally.entries[i];
        if (entry->key.tag) {
            assert_true(tagging_is_counted(fixture, entry->key.uid, entry->key.tag));
            continue;
        }
        assert_int_equal(tagging_tags(fixture, entry->key.uid), entry->count.tags);
        assert_int_equal(tagging_rows(fixture, entry->key.uid), entry->count.rows);
    }
}

uint64_t tagging_sent(const struct fixture *fixture, uint32_t uid, uint32_t tag, uint32_t set)
{
    const struct tctl_stats_key key = {.uid = uid, .tag = tag, .counter_set = set, .iface_index = LOOPBACK_INDEX};
    return fixture_row(fixture, tag ? PIN_TAG_STATS : PIN_UID_STATS, &key).tx_packets;
}

uint64_t tagging_total(const struct fixture *fixture, uint32_t uid)
{
    return fixture_row(fixture, PIN_APP_UID_STATS, &uid).tx_packets;
}

void tagging_send(int fd)
{
    assert_int_equal(send(fd, "", 1, 0), 1);
}

struct search {
    uint32_t uid, tag;
    size_t found;
};

static int is_of(void *context, const void *key, const void *value)
{
    const struct tctl_stats_key *stats = key;
    struct search *search = context;
    (void)value;
    search->found += stats->uid == search->uid && (!search->tag || stats->tag == search->tag);
    return 0;
}

static int is_spilt(void *context, const void *key, const void *value)
{
    const struct tctl_spill_key *spill = key;
    return spill->map == TCTL_IFACE_STATS ? 0 : is_of(context, &spill->key, value);
}

static size_t find(const struct fixture *fixture, enum pin_id id, read_row_fn row, uint32_t uid, uint32_t tag)
{
    struct search search = {.uid = uid, .tag = tag};
    scan(fixture, id, row, &search);
    return search.found;
}

static int is_hot_of(void *context, const void *cpu, const void *value)
{
    const struct tctl_hot *hot = value;
    int r = 0;
    for (size_t i = 0; i < TCTL_HOT_CHUNK && r == 0; i++)
        if (hot->row[i].used & TCTL_HOT_COUNTS)
            r = is_of(context, &hot->row[i].key, cpu);
    return r;
}

size_t tagging_rows_of(const struct fixture *fixture, uint32_t uid, uint32_t tag)
{
    size_t found = find(fixture, PIN_UID_STATS, is_of, uid, tag) + find(fixture, PIN_TAG_STATS, is_of, uid, tag);
    if (fixture->options.percpu)
        found += find(fixture, PIN_SPILL, is_spilt, uid, tag) + find(fixture, PIN_HOT, is_hot_of, uid, tag);
    return found;
}

pthread_t tagging_thread(void *(*run)(void *), void *context)
{
    pthread_attr_t attributes;
    pthread_t thread;
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        CPU_SET(cpu, &all);
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setaffinity_np(&attributes, sizeof(all), &all), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, context), 0);
    pthread_attr_destroy(&attributes);
    return thread;
}
