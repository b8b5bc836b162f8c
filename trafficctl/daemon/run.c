/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "run.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <readings_answer.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <tags.h>

#include "attachments.h"
#include "cleanup.h"
#include "fwmarkd.h"
#include "links.h"
#include "log.h"
#include "notify.h"
#include "readings.h"
#include "reload.h"
#include "saving.h"
#include "sockets.h"
#include "warn.h"

struct daemon {
    const struct options *options;
    const struct options_files *files;
    struct settings settings;
    struct loaded *loaded;
    struct fwmarkd *fwmarkd;
    struct sockets *sockets;   /* NULL where nothing has tags */
    struct readings *readings; /* NULL where members of read_group read maps */
    struct event_base *base;
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

static void apply(struct daemon *daemon)
{
    fwmarkd_apply(daemon->fwmarkd, &daemon->settings);
    int r = daemon->readings ? readings_give(daemon->readings, loaded_read_group(daemon->loaded)) : 0;
    if (r < 0)
        log_error("%s/" READINGS_SOCKET " cannot be given to the group: %s; restart trafficd",
                  loaded_place(daemon->loaded), strerror(-r));
}

static void on_reload(evutil_socket_t signal, short what, void *data)
{
    struct daemon *daemon = data;

    (void)signal;
    (void)what;
    tell(notify_reloading());
    if (reload(daemon->options, daemon->files, daemon->loaded, &daemon->settings) == 0)
        apply(daemon);
    tell(notify_ready());
}

static void on_look(bool release, void *data)
{
    struct daemon *daemon = data;

    if (daemon->sockets)
        sockets_watch(daemon->sockets, release);
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

static void attachments_freep(struct attachments **attachments)
{
    *attachments = attachments_free(*attachments);
}

static void links_freep(struct links **links)
{
    *links = links_free(*links);
}

static void saving_endp(struct saving **saving)
{
    *saving = saving_end(*saving);
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
    const struct loaded *loaded = daemon->loaded;
    const bool has_maps = loaded_has_maps(loaded);
    const struct fault fault = {0};

    log_info("counting; backend %s, %s in %s, tags %s %s, netfilter %s", loaded_backend(loaded),
             has_maps ? "pins" : "files", loaded_place(loaded), has_maps ? "at" : "refused at",
             fwmarkd_place(daemon->fwmarkd), loaded_netfilter(loaded));
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

static int serve_clients(struct daemon *daemon)
{
    struct fault fault = {0};
    int r = fwmarkd_start(&daemon->settings, loaded_has_maps(daemon->loaded), daemon->base, &daemon->fwmarkd, &fault);

    r = r < 0 ? say(r, &fault) : dispatch(daemon);
    daemon->fwmarkd = fwmarkd_stop(daemon->fwmarkd);
    return r;
}

/* Names of interfaces are numbers in maps, and tags are rows in others. */
static int serve_maps(struct daemon *daemon)
{
    _cleanup_(links_freep) struct links *links = NULL;
    struct tags tags;
    const struct fault fault = {0};
    int r = links_new(daemon->base, &daemon->settings, &links);

    if (r < 0)
        return say(r, &fault);
    r = open_tags(daemon, &tags);
    if (r == 0)
        r = serve_clients(daemon);
    daemon->sockets = sockets_free(daemon->sockets);
    tags_done(&tags);
    return r;
}

static int read_now(void *loaded, int *ret_fd)
{
    return loader_hand(loaded, ret_fd);
}

static int open_readings(struct daemon *daemon, struct fault *fault)
{
    char path[SETTINGS_STRING_LEN + sizeof(READINGS_SOCKET) + 1];

    snprintf(path, sizeof(path), "%s/" READINGS_SOCKET, loaded_place(daemon->loaded));
    return readings_new(daemon->base, path, loaded_read_group(daemon->loaded), read_now, daemon->loaded,
                        &daemon->readings, fault);
}

/* The table names interfaces itself, and has no tags. What it counts is root's alone, and may be gone at any time. */
static int serve_table(struct daemon *daemon)
{
    _cleanup_(saving_endp) struct saving *saving = NULL;
    struct fault fault = {0};
    int r = saving_new(daemon->base, daemon->loaded, &saving);

    if (r == 0)
        r = open_readings(daemon, &fault);
    r = r < 0 ? say(r, &fault) : serve_clients(daemon);
    daemon->readings = readings_free(daemon->readings);
    return r;
}

/* What the kernel holds is watched from here on. */
static int serve_loaded(struct daemon *daemon)
{
    _cleanup_(attachments_freep) struct attachments *attachments = NULL;
    const struct fault fault = {0};
    int r = attachments_new(daemon->base, daemon->loaded, &daemon->settings, on_look, daemon, &attachments);

    if (r < 0)
        return say(r, &fault);
    return loaded_has_maps(daemon->loaded) ? serve_maps(daemon) : serve_table(daemon);
}

/* Signals are taken from before the load on: one that comes meanwhile is served when the load is done. */
static int serve(struct daemon *daemon, const char *effective)
{
    struct load_options load = settings_load_options(&daemon->settings, effective);
    _cleanup_(event_freep) struct event *term = evsignal_new(daemon->base, SIGTERM, on_stop, daemon);
    _cleanup_(event_freep) struct event *interrupt = evsignal_new(daemon->base, SIGINT, on_stop, daemon);
    _cleanup_(event_freep) struct event *hangup = evsignal_new(daemon->base, SIGHUP, on_reload, daemon);
    _cleanup_(loaded_freep) struct loaded *loaded = NULL;
    struct fault fault = {0};

    if (!term || !interrupt || !hangup || evsignal_add(term, NULL) || evsignal_add(interrupt, NULL) ||
        evsignal_add(hangup, NULL))
        return say(-ENOMEM, &fault);
    int r = loader_start(&load, true, warn, &loaded, &fault);
    if (r < 0)
        return say(r, &fault);
    daemon->loaded = loaded;
    return serve_loaded(daemon);
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
