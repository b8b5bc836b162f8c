/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl top: what its screen shows of real traffic, its manners at a terminal, its tables and its JSON lines. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fd.h"
#include "pane.h"
#include "top_kit.h"

#define PATIENCE_MS 10000
#define READER 20001 /* uid and gid */

static int setup(void **state)
{
    return wall_setup(state) ?: chmod(the_world->folder, 0755);
}

static int teardown(void **state)
{
    pane_close();
    return wall_teardown(state);
}
#define AT_TERMINAL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static bool is_busy(const char *screen, void *arg)
{
    struct udp *udp = arg;
    struct top_line line;

    udp_send(udp->a, udp->b, 1000);
    return top_line_of(screen, BUSY, &line) && line.tx_rate >= 1028 && line.packet_rate >= 1 && line.rx_rate == 0;
}

static void test_numbers_of_a_plain_user(void **state)
{
    struct udp udp = udp_pair(the_world, BUSY, AF_INET, 4);

    (void)state;
    top_traffic();
    pane_open(READER, "C.UTF-8");
    pane_run("trafficctl --bpffs $B -n --bytes top");
    pane_shows("ok  by rate");
    pane_until(is_busy, &udp, "a rate of what is sent now");
    pane_shows("\xE2\x96\x88"); /* the highest mark of a last minute */
    udp_close(&udp);
    top_rests(BUSY);
    top_rests(TAGGED);
    top_rests(BLOCKED);
    assert_true(top_blocked(BLOCKED) >= 9);
}

/* Lines of the screen; each fits, or tmux would have made two of it. */
static bool is_whole(const char *screen, void *arg)
{
    int lines = 0, first_colon = (int)strcspn(screen, ":"), height = *(int *)arg;
    const char *last = screen;

    for (const char *at = screen; (at = strchr(at, '\n')); at++, lines++)
        if (at[1])
            last = at + 1;
    return lines == height && first_colon == 2 && strncmp(last, "q quit", 6) == 0;
}

static void assert_whole(int width, int height)
{
    pane_resize(width, height);
    pane_until(is_whole, &height, "a screen of that many lines, the first with the time, the last with the keys");
    assert_int_equal(pane_value("pane_width"), width);
    assert_int_equal(pane_value("pane_height"), height);
}

static void test_any_size(void **state)
{
    (void)state;
    top_traffic();
    pane_open(READER, "C.UTF-8");
    pane_run("trafficctl --bpffs $B top");
    pane_shows("10041");
    assert_whole(80, 24);
    pane_shows("BLOCKED");
    assert_whole(40, 10);
    pane_shows_not("BLOCKED");
    pane_shows("10041");
    assert_whole(200, 50);
    pane_shows("LAST MINUTE");
    assert_whole(20, 5);
    assert_whole(80, 24);
    pane_shows("LAST MINUTE");
}

static bool in_order(const char *screen, void *arg)
{
    const char *const *uids = arg;
    const char *first = strstr(screen, uids[0]), *then = strstr(screen, uids[1]);

    return first && then && first < then;
}

static void test_keys(void **state)
{
    (void)state;
    top_traffic();
    pane_open(READER, "C.UTF-8");
    pane_run("trafficctl --bpffs $B top --sort uid");
    pane_until(in_order, (const char *[]){"10041", "10043"}, "users by UID");
    pane_key("x");
    pane_until(in_order, (const char *[]){"10043", "10041"}, "who is blocked first");
    pane_shows("by blocked");
    pane_type("/0042");
    pane_shows_not("10041");
    pane_shows("User or UID: 0042");
    pane_key("Escape");
    pane_shows("10041");
    pane_type("t0xabc");
    pane_key("Enter");
    pane_shows("tag 0xabc");
    pane_shows_not("10041");
    pane_shows("10042");
    pane_type("i");
    pane_type("nowhere");
    pane_key("Enter");
    pane_shows("iface nowhere");
    pane_shows_not("10042");
    pane_key("?");
    pane_shows("Sort by");
    pane_key("Space");
    pane_shows_not("Sort by");
}

/* Without titles the line of the chosen one is the only one in reverse. */
static bool is_chosen(const char *uid)
{
    const char *chosen = strstr(pane_screen(true), "\033[7m");

    return chosen && strstr(chosen, uid) && strstr(chosen, uid) < strchr(chosen, '\n');
}

static void test_the_chosen_user_stays_chosen(void **state)
{
    (void)state;
    top_traffic();
    pane_open(0, "C.UTF-8");
    pane_run("trafficctl --bpffs $B --no-legend top --sort uid");
    pane_shows("10043");
    pane_key("End");
    pane_key("x");
    pane_until(in_order, (const char *[]){"10043", "10041"}, "who is blocked first");
    assert_true(is_chosen("10043"));
    pane_key("u");
    pane_until(in_order, (const char *[]){"10041", "10043"}, "users by UID");
    assert_true(is_chosen("10043"));
}

/* Back at the shell, on the screen of before, with all that stty knows as it was. */
static void assert_restored(const char *status)
{
    char before[256], after[256], end[64];

    snprintf(end, sizeof(end), "end %s.", status);
    pane_shows(end);
    assert_int_equal(pane_value("alternate_on"), 0);
    assert_int_equal(pane_value("cursor_flag"), 1);
    pane_file("before", before, sizeof(before));
    pane_file("after", after, sizeof(after));
    assert_string_equal(before, after);
    pane_run("clear");
    pane_shows_not("end");
}

static void run_between(void)
{
    pane_run(
        "stty -g >before; sh -c 'echo $$ >pid; exec trafficctl --bpffs $B top'; e=$?; stty -g >after; echo end $e.");
    pane_shows("q quit");
    assert_int_equal(pane_value("alternate_on"), 1);
}

static void test_the_terminal_is_as_it_was(void **state)
{
    (void)state;
    pane_open(0, "C.UTF-8");
    run_between();
    pane_key("q");
    assert_restored("0");
    run_between();
    pane_key("C-c");
    assert_restored("0");
    run_between();
    assert_return_code(kill(pane_pid(), SIGTERM), errno);
    assert_restored("0");
}

/* Nobody sends it a signal: the terminal is not its own. */
static void test_the_terminal_goes_away(void **state)
{
    struct pollfd ended = {.events = POLLIN};

    (void)state;
    pane_open(0, "C.UTF-8");
    pane_run("setsid sh -c 'echo $$ >pid; exec trafficctl --bpffs $B top'");
    pane_shows("q quit");
    _cleanup_fd_ int top = pidfd_open(pane_pid(), 0);
    assert_return_code(top, errno);
    ended.fd = top;
    pane_close();
    int r = poll(&ended, 1, PATIENCE_MS);
    pidfd_send_signal(top, SIGKILL, NULL, 0);
    assert_int_equal(r, 1);
}

static void test_stopped_for_a_while(void **state)
{
    (void)state;
    pane_open(0, "C.UTF-8");
    pane_run("stty -g >before; trafficctl --bpffs $B top");
    for (int i = 0; i < 3; i++) {
        pane_shows("q quit");
        pane_key("C-z");
        pane_shows("Stopped");
        pane_run("stty -g >after; clear; echo end $((0)).");
        assert_restored("0");
        pane_run("fg");
    }
    pane_shows("q quit");
    pane_resize(60, 12); /* what it is told while it runs in front again */
    pane_shows("q quit");
    pane_key("q");
    pane_shows_not("q quit");
}

/* Stopped without a word, and then the terminal is somebody else's: he has it with Enter, it takes keys. */
static void test_stopped_by_force(void **state)
{
    (void)state;
    pane_open(0, "C.UTF-8");
    pane_run("sh -c 'echo $$ >pid; exec trafficctl --bpffs $B top'");
    pane_shows("q quit");
    assert_return_code(kill(pane_pid(), SIGSTOP), errno);
    pane_shows("Stopped");
    pane_type("stty sane; fg");
    pane_key("C-j");
    pane_shows_not("Stopped");
    pane_key("x");
    pane_shows("by blocked");
    pane_key("q");
    pane_prompts();
}

/* By the environment: no colours, and no marks but ASCII. */
static void test_plain_terminals(void **state)
{
    struct udp udp = udp_pair(the_world, BUSY, AF_INET, 4);

    (void)state;
    pane_open(0, "C");
    pane_run("trafficctl --bpffs $B -n --bytes top");
    pane_until(is_busy, &udp, "a rate of what is sent now");
    pane_shows("#");
    for (const char *at = pane_screen(true); *at; at++)
        assert_true((unsigned char)*at < 0x80);
    assert_non_null(strstr(pane_screen(true), "\033[32m"));
    pane_key("q");
    pane_prompts();
    pane_run("clear; NO_COLOR=1 trafficctl --bpffs $B top");
    pane_shows("ok  by rate");
    assert_null(strstr(pane_screen(true), "\033[32m"));
    pane_key("q");
    pane_prompts();
    pane_run("clear; TERM=dumb trafficctl --bpffs $B top; echo end $?.");
    pane_shows("end 2.");
    pane_shows("this terminal");
    udp_close(&udp);
}

/* What is counted anew is read anew, without a word to the screen. */
static void test_an_unload_and_a_new_start(void **state)
{
    (void)state;
    top_traffic();
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    pane_open(0, "C.UTF-8");
    pane_run("trafficctl --bpffs $B -n --bytes top");
    pane_shows("DEGRADED: trafficd is not running");
    pane_shows("10041");
    run_ctl(the_world, "unload", 0, &said);
    pane_shows("NOTHING COUNTS: no pins in");
    the_world->traffic = tctl_close(the_world->traffic);
    assert_int_equal(world_start_daemon(the_world), 0);
    pane_shows("ok  by rate");
    top_traffic(); /* twice, so that these numbers are none of before */
    top_traffic();
    top_rests(BUSY);
    top_rests(BLOCKED);
}

/* Where to look for users is in a pipe: who asks for one hears nothing until somebody writes, and once only. */
static void run_unanswered(const char *words)
{
    pane_run("unshare -m sh -c 'mkfifo where; echo somebody:x:10041:1::/:/bin/sh >users; "
             "mount --bind where /etc/nsswitch.conf; mount --bind users /etc/passwd; rm where users; "
             "echo $$ >pid; exec timeout --foreground -s KILL 20 trafficctl --bpffs $B top --uid 10041 %s'",
             words);
}

static bool is_asked(const char *screen, void *arg)
{
    char path[64];

    (void)screen, (void)arg;
    snprintf(path, sizeof(path), "/proc/%d/root/etc/nsswitch.conf", pane_pid());
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && dprintf(fd, "passwd: files\n") > 0;
}

static void test_a_database_of_users_that_does_not_answer(void **state)
{
    (void)state;
    top_traffic();
    pane_open(0, "C.UTF-8");
    run_unanswered("");
    pane_shows("10041 10041 ");
    pane_key("n");
    pane_shows("by user");
    pane_until(is_asked, NULL, "somebody who asks where users are");
    pane_shows("10041 somebody ");
    pane_key("q");
    pane_prompts();
    run_unanswered("--batch --count 1");
    pane_shows("10041  -  ");
    pane_prompts();
}

static void test_no_terminal(void **state)
{
    (void)state;
    run_ctl(the_world, "top", 2, &said);
    assert_refused(&said, 2, "top --batch", "-j top");
    run_ctl(the_world, "top --sort size", 2, &said);
    assert_refused(&said, 2, "--sort", "packets");
    run_ctl(the_world, "top --batch --tag x", 2, &said);
    assert_refused(&said, 2, "--tag", NULL);
    run_ctl(the_world, "top --batch --iface 0123456789abcdef", 2, &said);
    assert_refused(&said, 2, "interface", NULL);
}

static void test_tables(void **state)
{
    struct tctl_counters total;
    char cells[128];

    (void)state;
    top_traffic();
    total = uid_total(the_world, BUSY);
    run_ctl(the_world, "-n top --batch --count 2 --sort uid", 0, &said);
    assert_string_equal(said.error, "");
    const char *titles = strstr(said.out, "TIME "), *again = strstr(titles + 1, "TIME ");
    assert_ptr_equal(titles, said.out);
    assert_non_null(again);
    assert_null(strstr(again + 1, "TIME "));
    assert_true(strstr(again, "10041") < strstr(again, "10043"));
    assert_true(sscanf(strstr(again, " 10041 "), "%*u %*u %*u %*u %*u %127[0-9 ]", cells) == 1);
    uint64_t column[6];
    assert_int_equal(sscanf(cells, "%lu %lu %lu %lu %lu %lu", &column[0], &column[1], &column[2], &column[3],
                            &column[4], &column[5]),
                     6);
    assert_counters_equal("table", (struct tctl_counters){column[0], column[1], column[2], column[3]}, total);
    assert_int_equal(column[5], top_blocked(BUSY));
}

static void test_who_has_read_enough_ends_it(void **state)
{
    char line[512];

    (void)state;
    snprintf(
        line, sizeof(line),
        "bash -o pipefail -c 'timeout 20 %s/trafficctl --bpffs %s top --batch 2>%s/top.error | head -n 1 >/dev/null' &&"
        " test ! -s %s/top.error && rm %s/top.error",
        TCTL_BUILD, the_world->bpffs, the_world->folder, the_world->folder, the_world->folder);
    assert_int_equal(system(line), 0);
}

static void test_json_lines(void **state)
{
    json_t *line;

    (void)state;
    top_traffic();
    run_ctl(the_world, "-j top --count 1 --sort blocked", 0, &said);
    line = top_json(said.out, BLOCKED);
    assert_non_null(line);
    assert_int_equal(top_member(line, "blocked_packets"), top_blocked(BLOCKED));
    assert_int_equal(top_member(line, "blocked_packets_per_second"), 0);
    assert_int_equal(top_member(line, "rx_bytes_per_second"), 0);
    assert_true(json_is_null(json_object_get(line, "user")));
    assert_true(top_member(line, "time") > 1700000000);
    json_decref(line);
    line = top_json(said.out, TAGGED);
    assert_int_equal(top_member(line, "tx_bytes"), uid_total(the_world, TAGGED).tx_bytes);
    json_decref(line);
    assert_true(strstr(said.out, "10043") < strstr(said.out, "10041"));
}

/* By a reader who may read the counters alone. */
static void test_drops_that_cannot_be_read(void **state)
{
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "-j", "top", "--count", "1", NULL};
    char path[160];
    json_t *line;

    (void)state;
    top_traffic();
    snprintf(path, sizeof(path), "%s/trafficctl/drops", the_world->bpffs);
    assert_return_code(chmod(path, 0600), errno);
    run_as(READER, "trafficctl", arguments, &said);
    assert_return_code(chmod(path, 0640), errno);
    assert_int_equal(said.exit, 0);
    line = top_json(said.out, BUSY);
    assert_int_equal(top_member(line, "rx_bytes"), uid_total(the_world, BUSY).rx_bytes);
    assert_true(json_is_null(json_object_get(line, "blocked_packets")));
    assert_true(json_is_null(json_object_get(line, "blocked_packets_per_second")));
    json_decref(line);
    assert_null(top_json(said.out, BLOCKED));
    run_as(READER + 1, "trafficctl", arguments, &said);
    assert_refused(&said, 1, "read_group", NULL);
}

static void test_filters(void **state)
{
    json_t *line;

    (void)state;
    top_traffic();
    run_ctl(the_world, "-j top --count 1 --tag 0xabc --iface a0 --uid 10042", 0, &said);
    line = top_json(said.out, TAGGED);
    assert_non_null(line);
    assert_int_equal(top_member(line, "tx_packets"), tag_sum(the_world, TAGGED, TAG).tx_packets);
    assert_true(json_is_null(json_object_get(line, "blocked_packets")));
    assert_ptr_equal(strchr(said.out, '\n'), said.out + strlen(said.out) - 1);
    json_decref(line);
    run_ctl(the_world, "-j top --count 1 --uid 10041 --tag 0xabc", 0, &said);
    assert_string_equal(said.out, "");
    run_ctl(the_world, "-j top --count 1 --uid 10041 --tag 0", 0, &said);
    line = top_json(said.out, BUSY);
    assert_int_equal(top_member(line, "rx_bytes"), uid_total(the_world, BUSY).rx_bytes);
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_TERMINAL(test_numbers_of_a_plain_user),
        AT_TERMINAL(test_any_size),
        AT_TERMINAL(test_keys),
        AT_TERMINAL(test_the_chosen_user_stays_chosen),
        AT_TERMINAL(test_the_terminal_is_as_it_was),
        AT_TERMINAL(test_the_terminal_goes_away),
        AT_TERMINAL(test_stopped_for_a_while),
        AT_TERMINAL(test_stopped_by_force),
        AT_TERMINAL(test_plain_terminals),
        AT_TERMINAL(test_a_database_of_users_that_does_not_answer),
        IN_A(test_no_terminal),
        IN_A(test_tables),
        IN_A(test_who_has_read_enough_ends_it),
        IN_A(test_json_lines),
        IN_A(test_filters),
        AT_TERMINAL(test_drops_that_cannot_be_read),
        AT_TERMINAL(test_an_unload_and_a_new_start),
    };
    const struct world_options shared = {.config = WALL_CONFIG};

    return run_world("top", tests, ARRAY_SIZE(tests), &shared);
}
