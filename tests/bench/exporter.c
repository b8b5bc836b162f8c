/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "exporter.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "cpu.h"
#include "fd.h"
#include "memory.h"
#include "results.h"
#include "traffic_abi.h"
#include "world.h"

#define AIM 10
#define ROWS 10000u
#define DEVICES 2
#define REPEAT 5
#define START_MS 3000

/* The exporter and one connection to it. */
struct scraped {
    struct world *world;
    pid_t pid;
    clockid_t clock; /* of its CPU time */
    char path[100];
    int fd;
    char answer[65536];
    size_t length; /* of the last reply's text */
};

static void scraped_done(struct scraped *scraped)
{
    if (scraped->pid > 0) {
        kill(scraped->pid, SIGTERM);
        waitpid(scraped->pid, NULL, 0);
    }
    fd_close(scraped->fd);
    world_free(scraped->world);
}

static int fill(struct world *world)
{
    static const char names[DEVICES][TCTL_IFNAME_LEN] = {"wlan0", "rmnet_data0"};
    _cleanup_fd_ int map = world_map(world, "traffic_uid_stats_map");
    _cleanup_fd_ int name_map = world_map(world, "traffic_iface_index_name_map");
    int r = 0;

    for (uint32_t i = 0; i < DEVICES && r == 0; i++)
        r = bpf_map_update_elem(name_map, &(uint32_t){1 + i}, names[i], BPF_ANY);
    for (uint32_t n = 0; n < ROWS && r == 0; n++) {
        const struct tctl_stats_key key = {.uid = 10000 + n / DEVICES, .iface_index = 1 + n % DEVICES};
        const uint64_t bytes = (uint64_t)n * n * n;
        const struct tctl_stats_value value = {bytes / 1000, bytes, bytes / 3000, bytes / 20};
        r = bpf_map_update_elem(map, &key, &value, BPF_ANY);
    }
    return r;
}

static int connect_once(struct scraped *scraped)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    fd_close(scraped->fd);
    scraped->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, scraped->path);
    return connect(scraped->fd, (const struct sockaddr *)&address, sizeof(address));
}

static int start(struct scraped *scraped)
{
    char where[128];

    snprintf(scraped->path, sizeof(scraped->path), "%s/exporter", scraped->world->folder);
    snprintf(where, sizeof(where), "unix:%s", scraped->path);
    fflush(NULL);
    scraped->pid = fork();
    if (scraped->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(TCTL_BUILD "/trafficctl", "trafficctl", "--bpffs", scraped->world->bpffs, "exporter", "--listen", where,
              "--max-series", "100000", NULL);
        _exit(126);
    }
    for (int waited = 0; waited < START_MS && connect_once(scraped) < 0; waited++)
        usleep(1000);
    return clock_getcpuclockid(scraped->pid, &scraped->clock) == 0 ? connect_once(scraped) : -1;
}

/* One request over the kept connection; the length of the text, 0: it went wrong. */
static size_t scrape(struct scraped *scraped)
{
    static const char ASK[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    char *answer = scraped->answer, *end = NULL;
    size_t got = 0, length = 0;

    if (send(scraped->fd, ASK, sizeof(ASK) - 1, MSG_NOSIGNAL) < 0)
        return 0;
    while (!end || got < length) {
        ssize_t n = recv(scraped->fd, answer + (end ? 0 : got), sizeof(scraped->answer) - 1 - (end ? 0 : got), 0);
        if (n <= 0)
            return 0;
        got += (size_t)n;
        if (end)
            continue;
        answer[got] = '\0';
        const char *promise = strstr(answer, "Content-Length: ");
        end = strstr(answer, "\r\n\r\n");
        if (end)
            got -= (size_t)(end + 4 - answer);
        length = promise ? strtoul(promise + 16, NULL, 10) : 0;
    }
    return length;
}

static double ms_between(const struct timespec *start, const struct timespec *end)
{
    return (double)(end->tv_sec - start->tv_sec) * 1e3 + (double)(end->tv_nsec - start->tv_nsec) / 1e6;
}

enum way { SCRAPE, LIBRARY, WAYS };

static bool go_once(struct scraped *scraped, enum way way)
{
    const struct tctl_filter filter = {.has_tag = true};
    _cleanup_free_ struct tctl_detail_row *rows = NULL;
    size_t count = 0;

    if (way == LIBRARY)
        return tctl_read_details(scraped->world->traffic, &filter, &rows, &count) == 0 && count == ROWS;
    scraped->length = scrape(scraped);
    return scraped->length > (size_t)ROWS * 4 * 70;
}

/* ms of CPU of who does it, the exporter or this thread. */
static double time_of(struct scraped *scraped, enum way way)
{
    clockid_t clock = way == SCRAPE ? scraped->clock : CLOCK_THREAD_CPUTIME_ID;
    struct timespec begun, ended;

    clock_gettime(clock, &begun);
    for (int i = 0; i < REPEAT; i++)
        if (!go_once(scraped, way))
            return -1;
    clock_gettime(clock, &ended);
    return ms_between(&begun, &ended) / REPEAT;
}

static int measure(struct scraped *scraped, struct figure figures[WAYS])
{
    if (!go_once(scraped, SCRAPE)) /* the first asks for users' names */
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        for (enum way way = SCRAPE; way < WAYS; way++) {
            figures[way].round[round] = time_of(scraped, way);
            if (figures[way].round[round] < 0)
                return 1;
        }
    }
    figure_finish(&figures[SCRAPE]);
    figure_finish(&figures[LIBRARY]);
    return 0;
}

int exporter_compare(void)
{
    static const struct table table = {
        .id = "scrape",
        .title = "Scraping 10,000 rows, 40,000 series",
        .unit = "ms",
        .how = "CPU of the exporter for one scrape over a kept connection, beside the reading by the library in it.",
    };
    static const struct aim aim = {LESS, AIM};
    _cleanup_(scraped_done) struct scraped scraped = {.fd = -1};
    struct figure figures[WAYS] = {}, ratio;
    struct memory memory = {};

    if (world_new(&(struct world_options){}, &scraped.world) < 0 || fill(scraped.world) < 0 || start(&scraped) < 0 ||
        measure(&scraped, figures) || memory_of(scraped.pid, &memory) < 0) {
        fprintf(stderr, "bench: the exporter does not answer as it should\n");
        return 1;
    }
    ratio = figure_ratio(&figures[SCRAPE], &figures[LIBRARY]);
    results_table(&table);
    results_figure("exporter", &figures[SCRAPE]);
    results_figure("library", &figures[LIBRARY]);
    results_ratio("exporter / library", &ratio, &aim);
    results_number("exporter afterwards, VmRSS", (double)memory.resident, "KiB", NULL);
    return 0;
}
