/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl exporter beside the library: the same numbers, as plain users too, at an address, a socket and in a file.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/firewall.h>

#include "exporter_kit.h"
#include "fd.h"
#include "kit.h"
#include "program.h"

#define UID 10001
#define TAGGED 10002
#define NAMELESS 10003
#define READER 20001 /* uid and gid */
#define ODD_INDEX 4000

static struct exporter exporter;
static struct program said;

static void some_traffic(void)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1), tagged = udp_pair(the_world, TAGGED, AF_INET, 2);

    tag_write(the_world, tagged.a, TAGGED, 0xabc);
    for (int i = 0; i < 9; i++) {
        udp_send(udp.a, udp.b, 100 + (size_t)i);
        udp_send(udp.b, udp.a, 2000);
        udp_send(tagged.a, tagged.b, 72);
    }
    udp_close(&udp);
    udp_close(&tagged);
}

static const char *const FAMILIES[] = {"receive_bytes", "receive_packets", "transmit_bytes", "transmit_packets"};

static void assert_row(const char *text, uint32_t uid, const char *device, const struct tctl_counters *counters)
{
    const uint64_t values[] = {counters->rx_bytes, counters->rx_packets, counters->tx_bytes, counters->tx_packets};
    char name[160];

    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        snprintf(name, sizeof(name), "trafficd_uid_%s_total{uid=\"%u\",device=\"%s\"}", FAMILIES[i], uid, device);
        if (sample_of(text, name) != values[i])
            fail_msg("%s is %" PRIu64 ", not %" PRIu64, name, sample_of(text, name), values[i]);
    }
}

/* All of the library's rows, and no other. */
static void assert_rows_are_the_librarys(const char *text)
{
    const struct tctl_filter filter = {.has_tag = true};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    size_t count = 0;

    assert_int_equal(tctl_read_details(the_world->traffic, &filter, &rows, &count), 0);
    for (size_t i = 0; i < count; i++)
        assert_row(text, rows[i].uid, rows[i].iface, &rows[i].counters);
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
        char begin[64];
        snprintf(begin, sizeof(begin), "trafficd_uid_%s_total{", FAMILIES[i]);
        assert_int_equal(lines_of(text, begin), count);
    }
}

static void test_numbers_are_the_librarys(void **state)
{
    (void)state;
    some_traffic();
    exporter_start(&exporter, READER, EXPORTER_LOCAL, "");
    _cleanup_free_ char *plain = exporter_scrape(&exporter, NULL);
    _cleanup_free_ char *openmetrics = exporter_scrape(&exporter, "application/openmetrics-text");
    assert_rows_are_the_librarys(plain);
    assert_rows_are_the_librarys(openmetrics);
    assert_int_equal(sample_of(plain, "trafficd_maps_readable"), 1);
    assert_int_equal(sample_of(plain, "trafficd_backend_info{backend=\"bpf\"}"), 1);
    assert_int_equal(sample_of(plain, "trafficd_daemon_running"), 1);
    assert_int_equal(sample_of(plain, "trafficd_program_attached{program=\"egress\"}"), 1);
    assert_int_equal(sample_of(plain, "trafficd_firewall_enforcing{chain=\"dozable\"}"), 0);
    assert_int_equal(sample_of(plain, "trafficd_collapsed_series"), 0);
    assert_int_equal(sample_of(plain, "trafficd_uid_info{uid=\"10001\",user=\"10001\"}"), 1);
    assert_int_equal(sample_of(plain, "trafficd_map_lost_packets_total{map=\"traffic_uid_stats_map\"}"), 0);
    assert_true(sample_of(plain, "trafficd_map_entries{map=\"traffic_uid_stats_map\"}") >= 2);
    assert_int_equal(lines_of(plain, "trafficd_dropped_packets_total{"), 2 * 15);
    assert_int_equal(lines_of(plain, "# EOF"), 0);
    assert_string_equal(openmetrics + strlen(openmetrics) - 6, "# EOF\n");
    assert_int_equal(lines_of(plain, "trafficd_"), lines_of(openmetrics, "trafficd_"));
}

/* It lives on from the test before, and follows. */
static void test_counters_follow_the_traffic(void **state)
{
    (void)state;
    _cleanup_free_ char *before = exporter_scrape(&exporter, NULL);
    some_traffic();
    _cleanup_free_ char *after = exporter_scrape(&exporter, NULL);
    static const char NAME[] = "trafficd_uid_transmit_packets_total{uid=\"10002\",device=\"a0\"}";
    assert_int_equal(sample_of(after, NAME), sample_of(before, NAME) + 9);
    assert_rows_are_the_librarys(after);
}

static void test_drops_and_chains(void **state)
{
    struct udp udp = udp_pair(the_world, UID, AF_INET, 1);

    (void)state;
    run_ctl(the_world, "firewall enable standby --runtime", 0, &said);
    run_ctl(the_world, "firewall deny standby 10001 --runtime", 0, &said);
    for (int i = 0; i < 3; i++)
        assert_int_equal(send(udp.a, "x", 1, MSG_NOSIGNAL), -1);
    /* A reader of the group is told what trafficd saw when it looked last. */
    exporter_waits_for(&exporter, "trafficd_firewall_chain_enabled{chain=\"standby\"}", 1);
    _cleanup_free_ char *text = exporter_scrape(&exporter, NULL);
    assert_int_equal(sample_of(text, "trafficd_dropped_packets_total{direction=\"transmit\",reason=\"standby\"}"), 3);
    assert_int_equal(sample_of(text, "trafficd_dropped_packets_total{direction=\"receive\",reason=\"standby\"}"), 0);
    assert_int_equal(sample_of(text, "trafficd_firewall_enforcing{chain=\"standby\"}"), 1);
    run_ctl(the_world, "firewall disable standby --runtime", 0, &said);
    run_ctl(the_world, "firewall allow standby 10001 --runtime", 0, &said);
    udp_close(&udp);
}

static void test_it_ends_when_asked(void **state)
{
    (void)state;
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
    exporter_start(&exporter, READER, EXPORTER_LOCAL, ""); /* at the same address at once */
    assert_int_equal(exporter_stop(&exporter, SIGINT), 0);
}

static void test_root_keeps_no_capability(void **state)
{
    (void)state;
    exporter_start(&exporter, 0, EXPORTER_LOCAL, "");
    _cleanup_free_ char *text = exporter_scrape(&exporter, NULL);
    assert_rows_are_the_librarys(text);
    exporter_threads_have(&exporter, "CapEff", "0000000000000000\n");
    exporter_threads_have(&exporter, "CapPrm", "0000000000000000\n");
    exporter_threads_have(&exporter, "CapInh", "0000000000000000\n");
    exporter_threads_have(&exporter, "NoNewPrivs", "1\n");
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

static void refuses(uid_t uid, const char *option, const char *argument, int expected, const char *part)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "exporter", option, argument, NULL};

    run_as(uid, "trafficctl", arguments, &said);
    assert_refused(&said, expected, part, NULL);
}

static void test_strangers_are_refused(void **state)
{
    char where[160];

    (void)state;
    snprintf(where, sizeof(where), "unix:%s", exporter_path("stranger"));
    refuses(READER + 1, "--listen", where, 1, "read_group");
    assert_int_equal(access(where + 5, F_OK), -1);
}

static void test_wrong_words_are_refused(void **state)
{
    (void)state;
    refuses(0, "--listen", "localhost:9617", 2, "localhost:9617");
    refuses(0, "--listen", "203.0.113.1:9617", 1, "203.0.113.1:9617");
    refuses(0, "--listen", "[2001:db8::1]:9617", 1, "[2001:db8::1]:9617");
    refuses(0, "--max-series", "7", 2, "--max-series");
    refuses(0, "--textfile", "", 2, "--textfile");
    const char *const both[] = {"exporter", "--listen", EXPORTER_LOCAL, "--textfile", "/nowhere/x", NULL};
    run_as(0, "trafficctl", both, &said);
    assert_refused(&said, 2, "--listen", "--textfile");
}

static void test_a_socket_of_its_own(void **state)
{
    struct exporter killed;
    struct stat file;
    char where[160];

    (void)state;
    snprintf(where, sizeof(where), "unix:%s", exporter_path("socket"));
    exporter_start(&killed, READER, where, "");
    assert_int_equal(stat(where + 5, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0660);
    refuses(READER, "--listen", where, 1, "another server answers");
    _cleanup_free_ char *text = exporter_scrape(&killed, NULL);
    assert_rows_are_the_librarys(text);
    assert_true(WIFSIGNALED(exporter_stop(&killed, SIGKILL)));
    exporter_start(&exporter, READER, where, ""); /* what is left is stale */
    _cleanup_free_ char *again = exporter_scrape(&exporter, NULL);
    assert_rows_are_the_librarys(again);
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
    assert_int_equal(access(where + 5, F_OK), -1);
}

static void hears_status(const char *request, int status, bool keeps)
{
    _cleanup_fd_ int fd = exporter_connect(&exporter);
    bool head = strncmp(request, "HEAD", 4) == 0;

    exporter_say(fd, request);
    for (int times = 0; times < 1 + keeps; times++) {
        _cleanup_(answer_done) struct answer answer = exporter_hear(fd, head);
        if (answer.status != status)
            fail_msg("%.40s... is answered with %d, not %d", request, answer.status, status);
        assert_int_equal(answer.last, !keeps);
        assert_true(answer.promised > 0);
        if (keeps && times == 0)
            exporter_say(fd, request);
    }
}

#define END " HTTP/1.1\r\nHost: x\r\n\r\n"
static void test_manners_of_http(void **state)
{
    static char large[16384];
    char where[160];

    (void)state;
    snprintf(where, sizeof(where), "unix:%s", exporter_path("manners"));
    exporter_start(&exporter, READER, where, "");
    hears_status("GET /metrics" END, 200, true);
    hears_status("HEAD /metrics" END, 200, true);
    hears_status("GET /metrics?x=y" END, 200, true);
    hears_status("GET /" END, 200, true);
    hears_status("GET /metrics/" END, 404, true);
    hears_status("GET /..%2fmetrics" END, 404, true);
    hears_status("DELETE /metrics" END, 405, true);
    hears_status("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, true);
    hears_status("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413, false);
    hears_status("nonsense\r\n\r\n", 400, false);
    snprintf(large, sizeof(large), "GET /metrics HTTP/1.1\r\nX: %016000d\r\n\r\n", 0);
    hears_status(large, 400, false);
}

/* Several requests in one go are answered one after the other. */
static void test_requests_in_one_go(void **state)
{
    _cleanup_fd_ int fd = exporter_connect(&exporter);

    (void)state;
    exporter_say(fd, "GET /metrics" END "HEAD /metrics" END "GET /" END "GET /metrics" END "GET /nowhere" END);
    static const int STATUS[] = {200, 200, 200, 200, 404};
    for (size_t i = 0; i < ARRAY_SIZE(STATUS); i++) {
        _cleanup_(answer_done) struct answer answer = exporter_hear(fd, i == 1);
        assert_int_equal(answer.status, STATUS[i]);
    }
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

/* A file that readers see whole, whatever is written. */
static void test_textfile(void **state)
{
    const char *const arguments[] = {"--bpffs",    the_world->bpffs,        "exporter",
                                     "--textfile", exporter_path("x.prom"), NULL};
    struct stat file;

    (void)state;
    run_as(READER, "trafficctl", arguments, &said);
    assert_int_equal(said.exit, 0);
    assert_string_equal(said.error, "");
    _cleanup_free_ char *text = NULL;
    assert_int_equal(fd_read_file(arguments[4], 1 << 20, &text), 0);
    assert_rows_are_the_librarys(text);
    assert_int_equal(stat(arguments[4], &file), 0);
    assert_int_equal(file.st_mode & 07777, 0644);
    assert_int_equal(file.st_uid, READER);
    refuses(READER, "--textfile", "/nowhere/x.prom", 1, "/nowhere/x.prom");
    refuses(READER, "--textfile", "/proc/x.prom", 1, "/proc/x.prom");
}

/* Its reader alone hears of it, too. */
static void test_textfile_without_pins(void **state)
{
    const char *const arguments[] = {"--bpffs", "/nowhere", "exporter", "--textfile", exporter_path("x.prom"), NULL};
    _cleanup_free_ char *text = NULL;

    (void)state;
    run_as(READER, "trafficctl", arguments, &said);
    assert_refused(&said, 1, "/nowhere", NULL);
    assert_int_equal(fd_read_file(arguments[4], 1 << 20, &text), 0);
    assert_int_equal(sample_of(text, "trafficd_maps_readable"), 0);
    assert_int_equal(lines_of(text, "trafficd_"), 2);
}

/* For a reader that looks all the time while another process writes. */
static int write_often(int channel, void *arg)
{
    (void)channel;
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();
        int status = 0;
        if (pid == 0) {
            execl(TCTL_BUILD "/trafficctl", "trafficctl", "--bpffs", the_world->bpffs, "exporter", "--textfile", arg,
                  NULL);
            _exit(126);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return -EIO;
    }
    return 0;
}

static void test_a_reader_never_sees_a_part(void **state)
{
    char path[128];
    struct actor writer;
    uint64_t word;
    int looks = 0;

    (void)state;
    snprintf(path, sizeof(path), "%s", exporter_path("atomic.prom"));
    assert_int_equal(actor_start(the_world, PLACE_B, 0, write_often, path, &writer), 0);
    while (recv(writer.channel, &word, sizeof(word), MSG_DONTWAIT) < 0 && errno == EAGAIN) {
        _cleanup_free_ char *text = NULL;
        if (fd_read_file(path, 1 << 20, &text) < 0)
            continue;
        assert_int_equal(lines_of(text, "trafficd_uid_transmit_packets_total{uid=\"10002\",device=\"a0\"} "), 1);
        assert_int_equal(text[strlen(text) - 1], '\n');
        looks++;
    }
    assert_int_equal(actor_wait(&writer), 0);
    assert_true(looks > 0);
}

/* trafficd and all pins may go and come: the exporter says so, and follows. */
static void test_it_follows_an_unload(void **state)
{
    (void)state;
    exporter_start(&exporter, 0, EXPORTER_LOCAL, "");
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    _cleanup_free_ char *down = exporter_scrape(&exporter, NULL);
    assert_int_equal(sample_of(down, "trafficd_daemon_running"), 0);
    assert_rows_are_the_librarys(down);
    run_ctl(the_world, "unload", 0, &said);
    _cleanup_free_ char *gone = exporter_scrape(&exporter, NULL);
    assert_int_equal(sample_of(gone, "trafficd_maps_readable"), 0);
    assert_int_equal(lines_of(gone, "trafficd_"), 2);
    the_world->traffic = tctl_close(the_world->traffic);
    assert_int_equal(world_start_daemon(the_world), 0);
    some_traffic();
    _cleanup_free_ char *back = exporter_scrape(&exporter, NULL);
    assert_rows_are_the_librarys(back);
    assert_int_equal(exporter_stop(&exporter, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_the_librarys),
        cmocka_unit_test(test_counters_follow_the_traffic),
        cmocka_unit_test(test_drops_and_chains),
        cmocka_unit_test(test_it_ends_when_asked),
        cmocka_unit_test(test_root_keeps_no_capability),
        cmocka_unit_test(test_strangers_are_refused),
        cmocka_unit_test(test_wrong_words_are_refused),
        cmocka_unit_test(test_a_socket_of_its_own),
        cmocka_unit_test(test_manners_of_http),
        cmocka_unit_test(test_requests_in_one_go),
        cmocka_unit_test(test_textfile),
        cmocka_unit_test(test_textfile_without_pins),
        cmocka_unit_test(test_a_reader_never_sees_a_part),
        cmocka_unit_test(test_it_follows_an_unload),
    };
    const struct world_options shared = {.config = "read_group = 20001\n"};

    int failed = run_world("exporter", tests, ARRAY_SIZE(tests), &shared);
    exporter_clean();
    return failed;
}
