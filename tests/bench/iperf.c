/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "iperf.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "fd.h"

#define LATEST 20     /* a run that hangs is ended then, s */
#define AMOUNT "512M" /* of a run: it has no way to say half a second */
#define OUTPUT 65536

struct side {
    const char *const *word;
    enum cpu cpu;
    int output; /* -1, or where its standard output goes */
};

static int become_iperf(int channel, void *arg)
{
    const struct side *side = arg;
    cpu_set_t before;

    (void)channel;
    cpu_stay(side->cpu, &before);
    alarm(LATEST);
    if (dup2(side->output, STDOUT_FILENO) < 0 || dup2(side->output, STDERR_FILENO) < 0)
        return -errno;
    execvp(side->word[0], (char *const *)side->word);
    return -errno;
}

/* *ret_output: what it says, to be read until its end. */
static int start(struct world *world, enum place place, uid_t uid, struct side *side, struct actor *ret_actor,
                 int *ret_output)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    side->output = ends[1];
    int r = actor_start(world, place, uid, become_iperf, side, ret_actor);
    fd_close(ends[1]);
    *ret_output = ends[0];
    return r;
}

/* Where it listens is what it says first. */
static int wait_until_it_listens(int output)
{
    char said[512];
    size_t filled = 0;
    ssize_t n;

    while ((n = read(output, said + filled, sizeof(said) - 1 - filled)) > 0) {
        filled += (size_t)n;
        said[filled] = '\0';
        if (strstr(said, "listening"))
            return 0;
    }
    return n < 0 ? -errno : -ENOMSG;
}

static int64_t rate_in(const char *text)
{
    json_t *said = json_loads(text, 0, NULL);
    double rate = json_number_value(
        json_object_get(json_object_get(json_object_get(said, "end"), "sum_received"), "bits_per_second"));

    if (!(rate > 0))
        fprintf(stderr, "bench: iperf3: %s\n", text);
    json_decref(said);
    return rate > 0 ? (int64_t)rate : -ENOMSG;
}

static int64_t run_client(struct world *world, uid_t uid, const char *address, unsigned streams)
{
    char number[16];
    const char *const word[] = {"iperf3", "-c", address, "-n", AMOUNT, "-P", number, "-J", NULL};
    struct side client = {word, CPU_LAST, -1};
    struct actor actor = {.channel = -1};
    _cleanup_fd_ int output = -1;
    _cleanup_free_ char *text = NULL;
    size_t length = 0;

    snprintf(number, sizeof(number), "%u", streams);
    int r = start(world, PLACE_A, uid, &client, &actor, &output);

    if (r < 0)
        return r;
    r = fd_read_all(output, OUTPUT, &text, &length);
    int status = actor_wait(&actor);
    if (r < 0)
        return r;
    return status < 0 && length == 0 ? status : rate_in(text);
}

/* It serves one client and ends; without one it is ended. */
int64_t iperf_rate(struct world *world, uid_t uid, const char *address, unsigned streams)
{
    const char *const word[] = {"iperf3", "-s", "-1", "-B", address, "--forceflush", NULL};
    struct side server = {word, CPU_FIRST, -1};
    struct actor actor = {.channel = -1};
    _cleanup_fd_ int output = -1;
    int r = start(world, PLACE_B, 0, &server, &actor, &output);

    if (r < 0)
        return r;
    r = wait_until_it_listens(output);
    int64_t rate = r < 0 ? r : run_client(world, uid, address, streams);
    if (rate < 0)
        kill(actor.pid, SIGTERM);
    actor_wait(&actor);
    return rate;
}
