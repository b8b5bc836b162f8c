/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "run.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <tags.h>

#include "cleanup.h"
#include "fwmarkd.h"
#include "log.h"
#include "notify.h"
#include "reload.h"
#include "sockets.h"
#include "warn.h"

/* By bit of loader_watch(). */
static const char *const PROGRAMS[] = {"ingress", "egress", "release", "connect4", "connect6"};

struct daemon {
    const struct options *options;
    const struct options_files *files;
    struct settings settings;
    struct loaded *loaded;
    struct fwmarkd *fwmarkd;
    struct sockets *sockets;
    struct event_base *base;
    uint32_t missing;
    int watch_error; /* of the last look, so that a lasting failure is told once */
};

static void tell(int r)
{
    if (r < 0)
        log_warning("the service manager was not told (NOTIFY_SOCKET: %s); going on", strerror(-r));
}

static void on_stop(evutil_socket_t signal, short what, void *data)
{
    struct daemon *daemon = data;

    (void)signal;
    (void)what;
    tell(notify_stopping());
    event_base_loopbreak(daemon->base);
}

static void on_reload(evutil_socket_t signal, short what, void *data)
{
    struct daemon *daemon = data;

    (void)signal;
    (void)what;
    tell(notify_reloading());
    if (reload(daemon->options, daemon->files, daemon->loaded, &daemon->settings) == 0)
        fwmarkd_apply(daemon->fwmarkd, &daemon->settings);
    tell(notify_ready());
}

static void tell_changes(uint32_t before, uint32_t now)
{
    for (size_t i = 0; i < ARRAY_SIZE(PROGRAMS); i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (now & ~before & bit)
            log_error("the %s program is no longer attached: restart trafficd to attach it again", PROGRAMS[i]);
        else if (before & ~now & bit)
            log_info("the %s program is attached again", PROGRAMS[i]);
    }
}

static void on_watch(evutil_socket_t fd, short what, void *data)
{
    struct daemon *daemon = data;
    uint32_t attached, missing;
    int r = loader_watch(daemon->loaded, &attached, &missing);

    (void)fd;
    (void)what;
    if (r < 0 && r != daemon->watch_error)
        log_error("cannot look at the attached programs: %s; trying again each second", strerror(-r));
    daemon->watch_error = r;
    if (r < 0)
        return;
    tell_changes(daemon->missing, missing);
    daemon->missing = missing;
    if (daemon->sockets)
        sockets_watch(daemon->sockets, attached & UINT32_C(1) << TCTL_PROG_RELEASE);
}

static void event_freep(struct event **event)
{
    if (*event)
        event_free(*event);
}

static void event_base_freep(struct event_base **base)
{
    if (*base)
        event_base_free(*base);
}

static void loaded_freep(struct loaded **loaded)
{
    *loaded = loaded_free(*loaded);
}

static int say(int r, const struct fault *fault)
{
    log_error("%s", *fault->text ? fault->text : strerror(-r));
    return r;
}

/* Until a signal stops it. */
static int dispatch(struct daemon *daemon)
{
    const struct fault fault = {0};

    log_info("counting; pins in %s, tags at %s", daemon->settings.bpffs, fwmarkd_place(daemon->fwmarkd));
    tell(notify_ready());
    return event_base_dispatch(daemon->base) < 0 ? say(-EIO, &fault) : 0;
}

/* Tags of sockets that ended meanwhile go before the others are counted. */
static int open_tags(struct daemon *daemon, struct tags *tags)
{
    const char *bpffs = daemon->settings.bpffs;
    struct fault fault = {0};
    int r = tags_open(bpffs, tags);

    if (r == 0)
        r = sockets_new(daemon->base, bpffs, tags, &daemon->sockets);
    if (r == 0)
        r = tags_recount(bpffs, tags);
    if (r < 0)
        fault_set(&fault, r, "the maps of tags below %s cannot be used: %s", bpffs, strerror(-r));
    return r < 0 ? say(r, &fault) : 0;
}

static int serve_tags(struct daemon *daemon)
{
    struct tags tags;
    struct fault fault = {0};
    int r = open_tags(daemon, &tags);

    if (r == 0) {
        r = fwmarkd_start(&daemon->settings, daemon->base, &daemon->fwmarkd, &fault);
        r = r < 0 ? say(r, &fault) : dispatch(daemon);
        daemon->fwmarkd = fwmarkd_stop(daemon->fwmarkd);
    }
    daemon->sockets = sockets_free(daemon->sockets);
    tags_done(&tags);
    return r;
}

/* Signals are taken from before the load on: one that comes meanwhile is served when the load is done. */
static int serve(struct daemon *daemon, const char *effective)
{
    static const struct timeval SECOND = {.tv_sec = WATCH_SECONDS};
    struct load_options load = settings_load_options(&daemon->settings, effective);
    _cleanup_(event_freep) struct event *term = evsignal_new(daemon->base, SIGTERM, on_stop, daemon);
    _cleanup_(event_freep) struct event *interrupt = evsignal_new(daemon->base, SIGINT, on_stop, daemon);
    _cleanup_(event_freep) struct event *hangup = evsignal_new(daemon->base, SIGHUP, on_reload, daemon);
    _cleanup_(event_freep) struct event *watch = event_new(daemon->base, -1, EV_PERSIST, on_watch, daemon);
    _cleanup_(loaded_freep) struct loaded *loaded = NULL;
    struct fault fault = {0};

    if (!term || !interrupt || !hangup || !watch || evsignal_add(term, NULL) || evsignal_add(interrupt, NULL) ||
        evsignal_add(hangup, NULL) || event_add(watch, &SECOND))
        return say(-ENOMEM, &fault);
    int r = loader_start(&load, true, warn, &loaded, &fault);
    if (r < 0)
        return say(r, &fault);
    daemon->loaded = loaded;
    on_watch(-1, 0, daemon);
    return serve_tags(daemon);
}

int run(const struct options *options, const struct options_files *files, const struct settings *settings,
        const char *effective)
{
    _cleanup_(event_base_freep) struct event_base *base = event_base_new();
    struct daemon daemon = {.options = options, .files = files, .settings = *settings, .base = base};
    struct fault fault = {0};

    if (!base)
        return say(-ENOMEM, &fault);
    signal(SIGPIPE, SIG_IGN); /* who reads the log may go away */
    mallopt(M_ARENA_MAX, 1);  /* threads allocate next to nothing */
    int r = serve(&daemon, effective);
    if (r == 0)
        log_info("stopped; counting goes on until 'trafficctl unload'");
    return r;
}

int run_load_only(const struct settings *settings, const char *effective)
{
    struct load_options load = settings_load_options(settings, effective);
    struct loaded *loaded = NULL;
    struct fault fault = {0};
    sigset_t stops;

    /* A stop waits until all is pinned, so that nothing stays half made. */
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGHUP);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    int r = loader_start(&load, false, warn, &loaded, &fault);
    loaded_free(loaded);
    return r < 0 ? say(r, &fault) : 0;
}
