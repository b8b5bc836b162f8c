/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The exporter where there is a lot: of rows, of odd values, and of clients who mean no good. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter_kit.h"
#include "fd.h"
#include "kit.h"
#include "program.h"

#define READER 20001 /* uid and gid */
#define FIRST 30000
#define ROWS 10000
#define DEVICES 2
#define FIRST_INDEX 4000 /* of interfaces that are not there */

static struct exporter exporter;

static void row_write(uint32_t uid, uint32_t index, uint64_t value)
{
    const struct tctl_stats_key key = {.uid = uid, .iface_index = index};
    const struct tctl_stats_value counters = {value, value + 1, value + 2, value + 3};
    static int map = -1;

    if (map < 0)
        map = world_map(the_world, "traffic_uid_stats_map");
    assert_int_equal(bpf_map_update_elem(map, &key, &counters, BPF_ANY), 0);
}

static void name_write(uint32_t index, const char *name)
{
    _cleanup_fd_ int map = world_map(the_world, "traffic_iface_index_name_map");
    char value[TCTL_IFACE_LEN] = "";

    memcpy(value, name, strlen(name));
    assert_int_equal(bpf_map_update_elem(map, &index, value, BPF_ANY), 0);
}

static void test_empty_maps(void **state)
{
    (void)state;
    map_empty(the_world, "traffic_uid_stats_map");
    map_empty(the_world, "traffic_app_uid_stats_map");
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "");
    _cleanup_free_ char *text = exporter_scrape(&exporter, NULL);
    assert_int_equal(sample_of(text, "trafficd_maps_readable"), 1);
    assert_int_equal(sample_of(text, "trafficd_map_entries{map=\"traffic_uid_stats_map\"}"), 0);
    assert_int_equal(lines_of(text, "trafficd_uid_"), 0);
    assert_int_equal(lines_of(text, "# TYPE trafficd_uid_"), 0);
}

/*
 * A name with a quote, a backslash and a byte that is no UTF-8, and one that is what this one prints as: the same
 * series. A UID nobody has; numbers as large as there are.
 */
static void test_odd_names_and_values(void **state)
{
    static const char LARGE_ONE[] =
        "trafficd_uid_transmit_bytes_total{uid=\"4294967294\",device=\"a\\\"b\\\\c\\\\xff\"}";
    static const char BOTH[] = "trafficd_uid_transmit_bytes_total{uid=\"40000\",device=\"a\\\"b\\\\c\\\\xff\"}";

    (void)state;
    name_write(FIRST_INDEX, "a\"b\\c\xff");
    name_write(FIRST_INDEX + 1, "a\"b\\c\\xff");
    row_write(4294967294u, FIRST_INDEX, UINT64_MAX - 3);
    row_write(40000, FIRST_INDEX, 5);
    row_write(40000, FIRST_INDEX + 1, 7);
    for (int i = 0; i < 2; i++) {
        _cleanup_free_ char *text = exporter_scrape(&exporter, i ? "application/openmetrics-text" : NULL);
        assert_true(sample_of(text, LARGE_ONE) == UINT64_MAX);
        assert_int_equal(sample_of(text, BOTH), 5 + 3 + 7 + 3);
        assert_int_equal(lines_of(text, "trafficd_uid_transmit_bytes_total{"), 2);
        assert_int_equal(sample_of(text, "trafficd_uid_info{uid=\"4294967294\",user=\"4294967294\"}"), 1);
    }
    map_empty(the_world, "traffic_uid_stats_map");
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

/* As many rows as the map holds. */
static void fill(void)
{
    name_write(FIRST_INDEX, "many0");
    name_write(FIRST_INDEX + 1, "many1");
    for (uint32_t i = 0; i < ROWS; i++)
        row_write(FIRST + i / DEVICES, FIRST_INDEX + i % DEVICES, i);
}

static uint64_t sum_of(const char *text, const char *begin)
{
    uint64_t sum = 0;

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, begin, strlen(begin)) == 0)
            sum += strtoull(strchr(line, ' '), NULL, 10);
    }
    return sum;
}

static void test_ten_thousand_rows(void **state)
{
    (void)state;
    fill();
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "--max-series 100000");
    _cleanup_free_ char *text = exporter_scrape(&exporter, NULL);
    assert_int_equal(sample_of(text, "trafficd_collapsed_series"), 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        char begin[64], name[128];
        snprintf(begin, sizeof(begin), "{uid=\"%u\",device=\"many%u\"}", FIRST + i / DEVICES, i % DEVICES);
        if (i % 500 != 0)
            continue;
        snprintf(name, sizeof(name), "trafficd_uid_receive_packets_total%s", begin);
        assert_int_equal(sample_of(text, name), i);
        snprintf(name, sizeof(name), "trafficd_uid_transmit_bytes_total%s", begin);
        assert_int_equal(sample_of(text, name), i + 3);
    }
    assert_int_equal(lines_of(text, "trafficd_uid_info{"), ROWS / DEVICES);
    assert_int_equal(lines_of(text, "trafficd_uid_receive_bytes_total{"), ROWS);
    assert_int_equal(sum_of(text, "trafficd_uid_receive_packets_total{"), (uint64_t)ROWS * (ROWS - 1) / 2);
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

/* Of 2000 series, 500 pairs: 62 are kept for others, and the sums are the same. */
static void test_more_rows_than_series(void **state)
{
    (void)state;
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "");
    _cleanup_free_ char *text = exporter_scrape(&exporter, NULL);
    assert_int_equal(lines_of(text, "trafficd_uid_receive_packets_total{"), 438 + DEVICES);
    assert_int_equal(sample_of(text, "trafficd_collapsed_series"), 4 * (ROWS - 438));
    assert_int_equal(sum_of(text, "trafficd_uid_receive_packets_total{"), (uint64_t)ROWS * (ROWS - 1) / 2);
    const char *other = "trafficd_uid_receive_packets_total{uid=\"other\",device=\"many1\"}";
    row_write(FIRST + ROWS / DEVICES - 1, FIRST_INDEX + 1, ROWS - 1 + 7);
    _cleanup_free_ char *after = exporter_scrape(&exporter, NULL);
    assert_int_equal(sample_of(after, other), sample_of(text, other) + 7);
    assert_int_equal(sample_of(after, "trafficd_uid_info{uid=\"other\",user=\"other\"}"), 1);
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

#define ATTACKERS 200
#define LARGE (100 << 10)

/* What each of them does once it is connected, over and over, as fast as it can. */
enum attack { SILENT, HALF_A_REQUEST, LARGE_HEADERS, NEVER_READS, NEVER_STOPS_ASKING, ATTACKS };

static int attack_once(int fd, enum attack attack)
{
    static const char ASK[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", BEGIN[] = "GET /metrics HTTP/1.1\r\nX: ";
    static char large[LARGE];

    switch (attack) {
    case SILENT:
        return 0;
    case HALF_A_REQUEST:
        return (int)send(fd, ASK, 20, MSG_NOSIGNAL);
    case LARGE_HEADERS:
        memset(large, 'x', sizeof(large));
        memcpy(large, BEGIN, sizeof(BEGIN) - 1);
        return (int)send(fd, large, sizeof(large), MSG_NOSIGNAL);
    default:
        return (int)send(fd, ASK, sizeof(ASK) - 1, MSG_NOSIGNAL);
    }
}

static int attack_connect(struct pollfd *polled)
{
    const struct sockaddr_in to = {AF_INET, htons(9617), {htonl(INADDR_LOOPBACK)}};
    int small = 4096;

    fd_close(polled->fd);
    polled->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    polled->events = POLLOUT | POLLRDHUP;
    setsockopt(polled->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    return connect(polled->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS ? -errno : 0;
}

/* Until the channel is closed; a word once all have begun. Returns 0 if they could go on all the time. */
static int attack_all(int channel, void *arg)
{
    struct pollfd polled[ATTACKERS + 1];

    (void)arg;
    for (int i = 0; i < ATTACKERS; i++) {
        polled[i].fd = -1;
        if (attack_connect(&polled[i]) < 0)
            return -errno;
    }
    polled[ATTACKERS] = (struct pollfd){.fd = channel, .events = POLLIN};
    channel_send(channel, ATTACKERS);
    while (poll(polled, ATTACKERS + 1, -1) >= 0 && !polled[ATTACKERS].revents)
        for (int i = 0; i < ATTACKERS; i++) {
            if (polled[i].revents & (POLLERR | POLLHUP | POLLRDHUP)) {
                if (attack_connect(&polled[i]) < 0)
                    return -errno;
            } else if (polled[i].revents & POLLOUT) {
                attack_once(polled[i].fd, i % ATTACKS);
                if (i % ATTACKS != NEVER_STOPS_ASKING)
                    polled[i].events = POLLRDHUP;
            }
        }
    return 0;
}

static size_t descriptors_of(pid_t pid)
{
    char path[64];
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

#define SCRAPES 30
/* 256 connections, each with 16 KiB read ahead; 8 MiB of texts and two more; and what malloc keeps of all this.
 */
#define MORE_KIB (32 << 10)

static void test_nobody_delays_an_honest_client(void **state)
{
    uint64_t word, longest = 0;
    struct actor attackers;

    (void)state;
    run_anywhere();
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "--max-series 20000");
    _cleanup_free_ char *first = exporter_scrape(&exporter, NULL);
    unsigned long before = exporter_field(&exporter, "VmRSS");
    assert_int_equal(actor_start(the_world, PLACE_B, 0, attack_all, NULL, &attackers), 0);
    assert_int_equal(channel_recv(attackers.channel, &word), 0);
    for (int i = 0; i < SCRAPES; i++) {
        uint64_t begun = now_ms();
        _cleanup_free_ char *text = exporter_scrape(&exporter, i % 2 ? "application/openmetrics-text" : NULL);
        longest = now_ms() - begun > longest ? now_ms() - begun : longest;
        assert_int_equal(lines_of(text, "trafficd_uid_receive_bytes_total{"), 4375 + DEVICES);
        assert_true(descriptors_of(exporter.pid) < 256 + 32);
    }
    unsigned long during = exporter_field(&exporter, "VmHWM");
    assert_int_equal(actor_wait(&attackers), 0);
    _cleanup_free_ char *last = exporter_scrape(&exporter, NULL);
    unsigned long after = exporter_field(&exporter, "VmRSS");
    print_message("%d scrapes, the longest of %lu ms; VmRSS %lu KiB before, at most %lu, %lu after\n", SCRAPES, longest,
                  before, during, after);
    assert_true(during < before + MORE_KIB);
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_maps),
        cmocka_unit_test(test_odd_names_and_values),
        cmocka_unit_test(test_ten_thousand_rows),
        cmocka_unit_test(test_more_rows_than_series),
        cmocka_unit_test(test_nobody_delays_an_honest_client),
    };
    const struct world_options shared = {.config = "read_group = 20001\n"};
    int failed = run_world("exporter, a lot", tests, ARRAY_SIZE(tests), &shared);

    exporter_clean();
    return failed;
}
