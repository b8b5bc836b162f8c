/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "rounds.h"

#define MAX_PAGE (1 << 20)
#define PAGE "tests/bench/report.html"
#define PLACE "RESULTS" /* in the page: where the results go */

/* What the first line says, or, with a key, the first that begins with it, behind its colon; "" if there is none. */
static void first_answer(FILE *from, const char *key, char *answer, size_t size)
{
    char line[256];

    *answer = '\0';
    while (from && fgets(line, sizeof(line), from)) {
        char *colon = strchr(line, ':');

        if (*key && (!colon || strncmp(line, key, strlen(key)) != 0))
            continue;
        snprintf(answer, size, "%s", *key ? colon + 1 + strspn(colon + 1, " ") : line);
        answer[strcspn(answer, "\n")] = '\0';
        return;
    }
}

static json_t *machine(void)
{
    FILE *cpuinfo = fopen("/proc/cpuinfo", "re"), *git = popen("git describe --always --dirty 2>/dev/null", "r");
    char processor[256], commit[256], now[32];
    struct utsname system = {};
    time_t seconds = time(NULL);

    uname(&system);
    first_answer(cpuinfo, "model name", processor, sizeof(processor));
    first_answer(git, "", commit, sizeof(commit));
    strftime(now, sizeof(now), "%Y-%m-%d %H:%M UTC", gmtime(&seconds));
    if (cpuinfo)
        fclose(cpuinfo);
    if (git)
        pclose(git);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:i}", "system", system.sysname, "release",
                     system.release, "architecture", system.machine, "processor", processor, "cpus",
                     (int)sysconf(_SC_NPROCESSORS_ONLN), "version", TRAFFICCTL_VERSION, "commit", commit, "time", now,
                     "rounds", ROUNDS);
}

static int write_file(const char *folder, const char *name, const char *head, const char *text, const char *tail)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file)
        return -errno;
    fprintf(file, "%s%s%s", head, text, tail);
    int r = ferror(file) ? -EIO : 0;
    if (fclose(file) != 0 && r == 0)
        r = -errno;
    printf("%s %s\n", r == 0 ? "see" : "cannot write", path);
    return r;
}

/*
 * Within a page nothing may look like the end of a script, nor like a comment in it: where JSON has a '<', in strings
 * alone, it may be escaped.
 */
static char *without_tags(const char *json)
{
    static const char escaped[] = "\\u003c";
    char *text = malloc(strlen(json) * strlen(escaped) + 1), *end = text;

    for (; text && *json; json++)
        end = *json == '<' ? stpcpy(end, escaped) : (*end = *json, end + 1);
    if (text)
        *end = '\0';
    return text;
}

static int write_page(const char *folder, const char *json)
{
    _cleanup_free_ char *page = NULL, *shown = without_tags(json);
    int r = shown ? fd_read_file(PAGE, MAX_PAGE, &page) : -ENOMEM;
    char *place = r < 0 ? NULL : strstr(page, PLACE);
    if (!place) {
        fprintf(stderr, "bench: %s: %s\n", PAGE, r < 0 ? strerror(-r) : "has no place for the results");
        return r < 0 ? r : -EINVAL;
    }
    *place = '\0';
    return write_file(folder, "report.html", page, shown, place + strlen(PLACE));
}

int report_write(const char *folder, json_t *tables)
{
    json_t *report = json_pack("{s:o, s:O}", "machine", machine(), "tables", tables);
    _cleanup_free_ char *json = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    int r = json ? 0 : -ENOMEM;
    json_decref(report);
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return -errno;
    return r ?: write_file(folder, "report.json", "", json, "\n") ?: write_page(folder, json);
}
