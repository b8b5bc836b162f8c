/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The texts of the exporter, where it serves, and the file it writes. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "fd.h"
#include "format.h"
#include "render.h"
#include "textfile.h"

static void has(const struct text *text, const char *line)
{
    _cleanup_free_ char *all = strndup(text->bytes, text->length);

    if (!strstr(all, line))
        fail_msg("no '%s' in:\n%s", line, all);
}

static void has_not(const struct text *text, const char *part)
{
    _cleanup_free_ char *all = strndup(text->bytes, text->length);

    assert_null(strstr(all, part));
}

static void samples_look_like_this(void **state)
{
    (void)state;
    static const char EXPECTED[] = "# HELP trafficd_map_lost_packets_total Packets that a map had no room to record.\n"
                                   "# TYPE trafficd_map_lost_packets_total counter\n"
                                   "trafficd_map_lost_packets_total{map=\"a\"} 0\n"
                                   "trafficd_map_lost_packets_total{map=\"b\"} 18446744073709551615\n"
                                   "# HELP trafficd_collapsed_series Series that --max-series summed into those with "
                                   "uid=\"other\".\n"
                                   "# TYPE trafficd_collapsed_series gauge\n"
                                   "trafficd_collapsed_series 9223372036854775808\n";
    struct text text = {.format = TEXT_PLAIN};

    text_labelled(&text, FAMILY_MAP_LOST, 0, {"map", "a"});
    text_labelled(&text, FAMILY_MAP_LOST, UINT64_MAX, {"map", "b"});
    text_sample(&text, FAMILY_COLLAPSED, NULL, 0, UINT64_C(1) << 63);
    text_end(&text);
    assert_int_equal(text.error, 0);
    assert_int_equal(text.length, sizeof(EXPECTED) - 1);
    assert_memory_equal(text.bytes, EXPECTED, text.length);
    text_done(&text);
}

/* A family of counters is called without the end of its samples, quotes in help are escaped, and the text has an end.
 */
static void openmetrics_differs_in_this(void **state)
{
    (void)state;
    static const char EXPECTED[] = "# HELP trafficd_map_lost_packets Packets that a map had no room to record.\n"
                                   "# TYPE trafficd_map_lost_packets counter\n"
                                   "trafficd_map_lost_packets_total{map=\"a\"} 1\n"
                                   "# HELP trafficd_collapsed_series Series that --max-series summed into those with "
                                   "uid=\\\"other\\\".\n"
                                   "# TYPE trafficd_collapsed_series gauge\n"
                                   "trafficd_collapsed_series 2\n"
                                   "# EOF\n";
    struct text text = {.format = TEXT_OPENMETRICS};

    text_labelled(&text, FAMILY_MAP_LOST, 1, {"map", "a"});
    text_sample(&text, FAMILY_COLLAPSED, NULL, 0, 2);
    text_end(&text);
    assert_int_equal(text.length, sizeof(EXPECTED) - 1);
    assert_memory_equal(text.bytes, EXPECTED, text.length);
    text_done(&text);
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", ""},
        {"a0", "a0"},
        {"\\", "\\\\"},
        {"\"", "\\\""},
        {"\n", "\\n"},
        {"\\xff", "\\\\xff"},
        {"a\"b\\c\n", "a\\\"b\\\\c\\n"},
        {"\xC3\xA9", "\xC3\xA9"},
        {"{a=1}", "{a=1}"},
        {"\\\\\n\n", "\\\\\\\\\\n\\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct text text = {0};
        char line[128];
        text_labelled(&text, FAMILY_INTERFACE_RX_BYTES, 7, {"device", CASES[i][0]});
        snprintf(line, sizeof(line), "\ntrafficd_interface_receive_bytes_total{device=\"%s\"} 7\n", CASES[i][1]);
        has(&text, line);
        text_done(&text);
    }
}

static void names_follow_the_customs(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAMILIES; i++) {
        const char *name = families[i].name, *end = name + strlen(name);
        assert_memory_equal(name, "trafficd_", 9);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_string_not_equal(end - 6, "_total");
        assert_int_equal(families[i].help[strlen(families[i].help) - 1], '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, families[j].name);
    }
}

static struct tctl_status some_status(void)
{
    struct tctl_status status = {.daemon_pid = 1, .since_sec = 1700000000, .netfilter = "link"};

    for (size_t i = 0; i < TCTL_STATUS_PROGRAMS; i++) {
        status.programs[i].name = i == 0 ? "ingress" : i == 1 ? "egress" : i == 2 ? "connect4" : "x";
        status.programs[i].wanted = i < 3;
        status.programs[i].attached = i < 2;
    }
    for (size_t i = 0; i < TCTL_STATUS_MAPS; i++)
        status.maps[i].name = i == 0 ? "first" : "y";
    for (size_t i = 0; i < TCTL_STATUS_LOST; i++)
        status.lost[i].name = "lossy";
    for (size_t i = 0; i < TCTL_STATUS_CHAINS; i++)
        status.chains[i].name = i == 4 ? "fifth" : "z";
    for (size_t i = 0; i < TCTL_STATUS_PLACES; i++)
        status.places[i].name = "prerouting ipv4";
    status.maps[0].readable = true;
    status.maps[0].entries = 3;
    status.maps[0].max_entries = 5;
    status.chains[4].enabled = true;
    return status;
}

static struct text render_one(const struct collected *collected, enum text_format format)
{
    struct text text = {.format = format};
    struct user_names *names = NULL;
    struct series series;

    assert_int_equal(series_init(&series, 40), 0);
    assert_int_equal(series_update(&series, &collected->users), 0);
    assert_int_equal(user_names_new(format_user, &names), 0);
    user_names_allow(names, 10000);
    render(&(struct rendered){collected, &series, names}, &text);
    series_done(&series);
    user_names_free(names);
    assert_int_equal(text.error, 0);
    return text;
}

static void what_is_not_there_is_left_out(void **state)
{
    (void)state;
    struct collected collected = {.status = some_status(), .backend = "nft"};
    struct text text = render_one(&collected, TEXT_OPENMETRICS);

    has(&text, "\ntrafficd_maps_readable 1\n");
    has(&text, "\ntrafficd_backend_info{backend=\"nft\"} 1\n");
    has(&text, "\ntrafficd_daemon_running 1\n");
    has(&text, "\ntrafficd_start_time_seconds 1700000000\n");
    has_not(&text, "trafficd_last_look");
    has(&text, "\ntrafficd_program_attached{program=\"connect4\"} 0\n");
    has_not(&text, "program=\"x\"");
    has(&text, "\ntrafficd_hook_attached{hook=\"prerouting ipv4\"} 0\n");
    has(&text, "\ntrafficd_firewall_chain_enabled{chain=\"fifth\"} 1\n");
    has(&text, "\ntrafficd_firewall_enforcing{chain=\"fifth\"} 1\n");
    has(&text, "\ntrafficd_map_entries{map=\"first\"} 3\n");
    has(&text, "\ntrafficd_map_max_entries{map=\"first\"} 5\n");
    has_not(&text, "map=\"y\"");
    has(&text, "\ntrafficd_collapsed_series 0\n");
    has_not(&text, "trafficd_uid");
    has_not(&text, "trafficd_interface");
    text_done(&text);
    collected.status.programs[1].attached = false;
    collected.status.netfilter = "off";
    text = render_one(&collected, TEXT_PLAIN);
    has(&text, "\ntrafficd_firewall_chain_enabled{chain=\"fifth\"} 1\n");
    has(&text, "\ntrafficd_firewall_enforcing{chain=\"fifth\"} 0\n");
    has_not(&text, "trafficd_hook");
    text_done(&text);
}

static void users_have_names_and_counters(void **state)
{
    (void)state;
    struct collect_row rows[12] = {{0, "a0", {UINT64_MAX, UINT64_MAX - 1, 9007199254740993, 0}}};
    struct collected collected = {.status = some_status(), .backend = "bpf", .users = {rows, 12}};

    for (uint32_t i = 1; i < 12; i++)
        rows[i] = (struct collect_row){4294967280u + i, "a\\\"", {1, 2, 3, 4}};
    struct text text = render_one(&collected, TEXT_PLAIN);
    has(&text, "\ntrafficd_collapsed_series 16\n");
    has(&text, "\ntrafficd_uid_info{uid=\"0\",user=\"root\"} 1\n");
    has(&text, "\ntrafficd_uid_info{uid=\"4294967281\",user=\"4294967281\"} 1\n");
    has(&text, "\ntrafficd_uid_info{uid=\"other\",user=\"other\"} 1\n");
    has(&text, "\ntrafficd_uid_receive_bytes_total{uid=\"0\",device=\"a0\"} 18446744073709551615\n");
    has(&text, "\ntrafficd_uid_receive_packets_total{uid=\"0\",device=\"a0\"} 18446744073709551614\n");
    has(&text, "\ntrafficd_uid_transmit_bytes_total{uid=\"0\",device=\"a0\"} 9007199254740993\n");
    has(&text, "\ntrafficd_uid_transmit_packets_total{uid=\"4294967281\",device=\"a\\\\\\\"\"} 4\n");
    has(&text, "\ntrafficd_uid_receive_packets_total{uid=\"other\",device=\"a\\\\\\\"\"} 8\n");
    text_done(&text);
}

/* Where a database of users is far away: it answers when it is told to. */
static int answers[2];

static char *ask_far_away(uint32_t uid)
{
    char told;

    assert_int_equal(read(answers[0], &told, 1), 1);
    return uid == 7 ? strdup("seven") : uid == 9 ? strdup("nine") : NULL;
}

static void names_are_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct user_names *names = NULL;
    const char *name;

    assert_int_equal(pipe(answers), 0);
    assert_int_equal(user_names_new(ask_far_away, &names), 0);
    user_names_allow(names, 0);
    assert_null(user_names_of(names, 7));
    assert_null(user_names_of(names, 8));
    user_names_allow(names, 60000);
    assert_null(user_names_of(names, 7)); /* once in vain is enough */
    assert_int_equal(write(answers[1], "123", 3), 3);
    assert_string_equal(user_names_of(names, 9), "nine"); /* that comes last */
    assert_null(user_names_of(names, 8));
    name = user_names_of(names, 7);
    assert_string_equal(name, "seven");
    assert_ptr_equal(user_names_of(names, 7), name);
    user_names_allow(names, 0);
    assert_null(user_names_of(names, 10)); /* it is left to the thread, which waits for ever */
    assert_null(user_names_free(names));
    assert_null(user_names_free(NULL));
    user_names_allow(NULL, 0);
    assert_null(user_names_of(NULL, 7));
}

static void unreadable_maps_are_all_that_is_said(void **state)
{
    (void)state;
    const struct collected collected = {.error = -ENOENT};
    struct text text = render_one(&collected, TEXT_OPENMETRICS);

    has(&text, "\ntrafficd_maps_readable 0\n# EOF\n");
    has(&text, "\ntrafficd_build_info{version=\"" TRAFFICCTL_VERSION "\"} 1\n");
    has_not(&text, "daemon");
    text_done(&text);
}

static void addresses_are_numbers(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"",
                                        ":",
                                        ":9617",
                                        "9617",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:0",
                                        "127.0.0.1:65536",
                                        "127.0.0.1:96x",
                                        "127.0.0.1:-1",
                                        "localhost:9617",
                                        "::1:9617",
                                        "[::1:9617",
                                        "[]:9617",
                                        "[127.0.0.1]:9617",
                                        "[::1]",
                                        "unix:",
                                        "[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:9617"};
    struct address address = {.path = "untouched"};

    for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++)
        assert_int_equal(address_parse(WRONG[i], &address), -EINVAL);
    assert_string_equal(address.path, "untouched");
    assert_int_equal(address_parse("unix:/a:b", &address), 0);
    assert_string_equal(address.path, "/a:b");
    assert_int_equal(address_parse("0.0.0.0:65535", &address), 0);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.inet;
    assert_null(address.path);
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohs(v4->sin_port), 65535);
    assert_int_equal(address_parse("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:1", &address), 0);
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.inet;
    assert_int_equal(v6->sin6_family, AF_INET6);
    assert_int_equal(address.length, sizeof(*v6));
    assert_int_equal(v6->sin6_addr.s6_addr[15], 255);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_exporter.XXXXXX", path[64], beside[96];
    struct fault fault = {0};
    struct stat file;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x.prom", folder);
    snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid());
    assert_int_equal(symlink("/dev/full", beside), 0); /* of somebody who would lead us elsewhere */
    umask(077);
    assert_int_equal(textfile_write(path, "old\n", 4, &fault), 0);
    _cleanup_fd_ int old = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(textfile_write(path, "newer\n", 6, &fault), 0);
    umask(022);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0644);
    assert_int_equal(file.st_size, 6);
    assert_int_equal(fstat(old, &file), 0);
    assert_int_equal(file.st_size, 4);
    assert_int_equal(access(beside, F_OK), -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(textfile_write(path, "x", 1, &fault), -EISDIR);
    assert_non_null(strstr(fault.text, path));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing is left beside it */
    assert_int_equal(textfile_write(path, "x", 1, &fault), -ENOENT);
    assert_non_null(strstr(fault.text, folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_look_like_this),
        cmocka_unit_test(openmetrics_differs_in_this),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(names_follow_the_customs),
        cmocka_unit_test(what_is_not_there_is_left_out),
        cmocka_unit_test(users_have_names_and_counters),
        cmocka_unit_test(names_are_not_waited_for_for_ever),
        cmocka_unit_test(unreadable_maps_are_all_that_is_said),
        cmocka_unit_test(addresses_are_numbers),
        cmocka_unit_test(files_are_replaced_whole),
    };

    return unit_run(tests);
}
