/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "http_ask.h"
#include "kit.h"
#include "prometheus.h"

#define FOLDER TCTL_BUILD "/prometheus/"
#define PORT 9090
#define PATIENCE_MS 10000

static pid_t running;

static void needs_it(void)
{
    if (access(FOLDER "promtool", X_OK) < 0)
        skip_because("Prometheus is neither in the path nor to be had, see tests/get-prometheus", false);
}

void promtool(const char *arguments, ...)
{
    _cleanup_free_ char *what = NULL, *command = NULL;
    char said[4096];
    va_list list;
    FILE *pipe;

    needs_it();
    va_start(list, arguments);
    assert_true(vasprintf(&what, arguments, list) > 0);
    va_end(list);
    assert_true(asprintf(&command, FOLDER "promtool %s 2>&1", what) > 0);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof(said) - 1, pipe)] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("promtool %s: %s", what, said);
}

/* The scrape example, in memory: Prometheus finds it, as the rules, in /proc/self/fd, since descriptors are inherited.
 */
static int fast_config(int rules)
{
    int config = memfd_create("prometheus.yml", 0);
    char command[256];

    assert_return_code(config, errno);
    snprintf(command, sizeof(command),
             "sed 's,: 15s,: 200ms,; s,- trafficd.rules.yml,- /proc/self/fd/%d,' %s >/proc/self/fd/%d", rules,
             MONITORING "prometheus.yml", config);
    assert_int_equal(system(command), 0);
    return config;
}

/* Its store is in a file system that is its own: nothing is left of it. */
__attribute__((noreturn)) static void child(int binary, int config)
{
    char option[64];

    snprintf(option, sizeof(option), "--config.file=/proc/self/fd/%d", config);
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setns(the_world->netns[PLACE_B], CLONE_NEWNET) == 0 && unshare(CLONE_NEWNS) == 0 &&
        mount("store", "/mnt", "tmpfs", 0, NULL) == 0)
        fexecve(binary,
                (char *[]){"prometheus", option, "--storage.tsdb.path=/mnt", "--web.listen-address=127.0.0.1:9090",
                           "--web.enable-admin-api", "--log.level=warn", NULL},
                environ);
    _exit(126);
}

static bool ready(void)
{
    _cleanup_free_ char *answer = http_ask(PORT, "GET", "/-/ready");

    return answer && http_status(answer) == 200;
}

/* HTTP has no way to tell of it, and a scrape cannot be asked for. */
static void wait_a_little(uint64_t since_ms, const char *what)
{
    if (now_ms() - since_ms > PATIENCE_MS)
        fail_msg("Prometheus: for %d seconds there was no %s", PATIENCE_MS / 1000, what);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void begin(void)
{
    _cleanup_fd_ int binary = -1, rules = -1, config = -1;

    needs_it();
    binary = open(FOLDER "prometheus", O_RDONLY | O_CLOEXEC);
    rules = open(MONITORING "trafficd.rules.yml", O_RDONLY);
    assert_true(binary >= 0 && rules >= 0);
    config = fast_config(rules);
    running = fork();
    if (running == 0)
        child(binary, config);
    assert_true(running > 0);
    for (uint64_t start = now_ms(); !ready(); wait_a_little(start, "answer"))
        assert_int_equal(waitpid(running, NULL, WNOHANG), 0);
}

/* All that was scraped until now. */
static void forget(void)
{
    _cleanup_free_ char *answer = http_ask(PORT, "POST", "/api/v1/admin/tsdb/delete_series?match[]={__name__!=%22%22}");

    assert_non_null(answer);
    assert_int_equal(http_status(answer), 204);
}

void prometheus_start(void)
{
    if (running > 0)
        forget();
    else
        begin();
}

void prometheus_stop(void)
{
    if (running <= 0)
        return;
    kill(running, SIGKILL);
    waitpid(running, NULL, 0);
    running = 0;
}

/* What an API call answers under "data". The caller's. */
static json_t *ask(const char *path)
{
    _cleanup_free_ char *answer = http_ask(PORT, "GET", path);
    json_t *document, *data;

    assert_non_null(answer);
    document = json_loads(http_body(answer), JSON_REJECT_DUPLICATES, NULL);
    data = json_incref(json_object_get(document, "data"));
    if (http_status(answer) != 200 || !data)
        fail_msg("Prometheus: %s: %s", path, answer);
    json_decref(document);
    return data;
}

json_t *prometheus_query(const char *expression)
{
    char path[4096] = "/api/v1/query?query=";
    json_t *data, *samples;

    for (size_t n = strlen(path); *expression; expression++)
        n += (size_t)snprintf(path + n, sizeof(path) - n, isalnum((unsigned char)*expression) ? "%c" : "%%%02x",
                              (unsigned char)*expression);
    data = ask(path);
    samples = json_incref(json_object_get(data, "result"));
    json_decref(data);
    assert_true(json_is_array(samples));
    return samples;
}

static bool holds(const char *expression)
{
    json_t *samples = prometheus_query(expression);
    bool known = json_array_size(samples) > 0;

    json_decref(samples);
    return known;
}

void prometheus_waits_for(const char *format, ...)
{
    _cleanup_free_ char *expression = NULL;
    va_list list;

    va_start(list, format);
    assert_true(vasprintf(&expression, format, list) > 0);
    va_end(list);
    for (uint64_t start = now_ms(); !holds(expression);)
        wait_a_little(start, expression);
}

/* With the rules as Prometheus has loaded them. */
static void alerts_of(const json_t *group, FILE *names)
{
    const json_t *rule;
    size_t i;

    json_array_foreach(json_object_get(group, "rules"), i,
                       rule) if (holds(json_string_value(json_object_get(rule, "query"))))
        fprintf(names, "%s ", json_string_value(json_object_get(rule, "name")));
}

static char *alerts(void)
{
    json_t *rules = ask("/api/v1/rules?type=alert");
    const json_t *group;
    size_t i, length;
    char *text = NULL;
    FILE *names = open_memstream(&text, &length);

    assert_non_null(names);
    json_array_foreach(json_object_get(rules, "groups"), i, group) alerts_of(group, names);
    assert_int_equal(fclose(names), 0);
    json_decref(rules);
    return text;
}

void prometheus_waits_for_alerts(const char *expected)
{
    uint64_t start = now_ms();

    for (;;) {
        _cleanup_free_ char *names = alerts(), *missing = NULL;
        if (strcmp(names, expected) == 0)
            return;
        assert_true(asprintf(&missing, "alerts '%s', but '%s'", expected, names) > 0);
        wait_a_little(start, missing);
    }
}
