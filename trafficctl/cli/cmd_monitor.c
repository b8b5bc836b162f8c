/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* monitor */
#include <errno.h>
#include <poll.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include <trafficctl/events.h>

#include "cleanup.h"
#include "cmd.h"
#include "fd.h"
#include "format.h"
#include "print.h"

/* No event tells that everything was unloaded. */
#define LOOK_MS 1000

struct monitor {
    const struct cli *cli;
    uint32_t count, done; /* events; count 0: until stopped */
    enum cli_status status;
    bool reader_gone;
};

static void monitor_closep(struct tctl_events **events)
{
    *events = tctl_events_close(*events);
}

static const char *kind_of(const struct tctl_firewall_event *event)
{
    return event->refused_connect ? "refused_connect" : "drop";
}

static enum cli_status print_event_json(const char *moment, const struct tctl_firewall_event *event)
{
    return print_json_document(json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "time", moment, "event", kind_of(event),
                                         "uid", (json_int_t)event->uid, "direction", event->out ? "out" : "in",
                                         "reason", event->reason, "iface",
                                         *event->iface ? print_json_text(event->iface) : json_null()));
}

static void print_event(const struct cli *cli, const char *moment, const struct tctl_firewall_event *event)
{
    _cleanup_free_ char *user = print_uid_list(cli, &event->uid, 1, 1);
    _cleanup_free_ char *iface = *event->iface ? format_utf8(event->iface) : NULL;

    printf("%s %-15s %-3s %s %s %s\n", moment, kind_of(event), event->out ? "out" : "in", user ?: "?", event->reason,
           iface ?: "-");
}

/* A line at once, for whoever reads it through a pipe. Who closed that has read enough. */
static enum cli_status flush_line(struct monitor *monitor)
{
    if (fflush(stdout) == 0)
        return CLI_DONE;
    if (errno != EPIPE)
        return cli_flush();
    monitor->reader_gone = true;
    __fpurge(stdout);
    clearerr(stdout);
    return CLI_DONE;
}

static int take_event(void *context, const struct tctl_firewall_event *event)
{
    struct monitor *monitor = context;
    char moment[FORMAT_LEN];

    format_moment(event->time_ns, moment);
    if (monitor->cli->json)
        monitor->status = print_event_json(moment, event);
    else
        print_event(monitor->cli, moment, event);
    if (monitor->status == CLI_DONE)
        monitor->status = flush_line(monitor);
    monitor->done++;
    return monitor->status != CLI_DONE || monitor->reader_gone || monitor->done == monitor->count ? -ECANCELED : 0;
}

static enum cli_status monitor_loop(const struct cli *cli, struct monitor *monitor, struct tctl_events *events,
                                    int stops)
{
    struct pollfd polled[] = {
        {.fd = tctl_events_fd(events), .events = POLLIN},
        {.fd = stops, .events = POLLIN},
        {.fd = STDOUT_FILENO}, /* for POLLERR: its reader is gone */
    };

    for (;;) {
        if (poll(polled, ARRAY_SIZE(polled), LOOK_MS) < 0)
            return cli_failed("cannot wait: %s", strerror(errno));
        if (polled[1].revents || polled[2].revents)
            return CLI_DONE;
        int r = tctl_events_read(events, take_event, monitor);
        if (r == -ECANCELED)
            return monitor->status;
        if (r == -ESTALE)
            return cli_failed("everything in %s was unloaded: nothing is dropped any more", cli->bpffs);
        if (r < 0)
            return cli_read_failed(cli, r);
    }
}

static enum cli_status somebody_monitors(const struct cli *cli)
{
    int pid = 0;

    tctl_events_reader(cli->bpffs, &pid);
    if (pid)
        return cli_failed("process %d monitors already: only one can, end it first", pid);
    return cli_failed("another process, in another pid namespace, monitors already: only one can, end it first");
}

static enum cli_status monitor_open(const struct cli *cli, struct tctl_events **ret_events)
{
    int r = tctl_events_open(cli->bpffs, ret_events);

    switch (r) {
    case 0:
        return CLI_DONE;
    case -EALREADY:
        return somebody_monitors(cli);
    case -EBUSY:
        return cli_failed("another process has been loading, tagging or changing the policy for 5 seconds, perhaps "
                          "stopped: /proc/locks names it");
    case -EACCES:
    case -EPERM:
        return cli_failed("events in %s are root's: become root", cli->bpffs);
    default:
        return cli_read_failed(cli, r);
    }
}

enum cli_status cmd_monitor(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(monitor_closep) struct tctl_events *events = NULL;
    _cleanup_fd_ int stops = -1;
    struct monitor monitor = {.cli = cli};
    enum cli_status status = cli_given_number(cli, "--count", 1, UINT32_MAX, &monitor.count);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    int r = cli_catch_stops(&stops);
    if (r < 0)
        return cli_failed("cannot wait for signals: %s", strerror(-r));
    status = monitor_open(cli, &events);
    return status == CLI_DONE ? monitor_loop(cli, &monitor, events, stops) : status;
}
