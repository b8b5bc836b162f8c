/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* top at a terminal */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "paint.h"
#include "sample.h"
#include "ticks.h"
#include "top.h"

/* What waiting for names may delay a key. */
#define NAMES_MS 20

/* Readings from one look at the state to the next: it counts every row of every map. */
#define STATUS_EVERY 5

struct live {
    const struct cli *cli;
    struct screen screen;
    struct keys keys;
    struct users users;
    struct view view;
    struct layout layout;
    struct health health;
    unsigned int status_in; /* readings until the next look at the state */
    uint32_t count, done;   /* as struct top */
    int ticks, signals;
};

static void live_done(struct live *live)
{
    screen_close(&live->screen);
    view_done(&live->view);
    users_done(&live->users);
    live->ticks = fd_close(live->ticks);
    live->signals = fd_close(live->signals);
}

/* 0, or what the reading failed with: then nobody knows any rate, until the next one. */
static int take_reading(struct live *live)
{
    struct tctl_status status;
    struct tctl_backend backend;
    bool look = live->status_in == 0;
    int r =
        sample_take(live->cli->bpffs, &live->keys.filter, &live->users, look ? &status : NULL, look ? &backend : NULL);

    if (r < 0) {
        users_miss(&live->users);
        health_unknown(r, live->cli->bpffs, &live->health);
        live->status_in = 0;
        return r;
    }
    if (look)
        health_judge(&status, &backend, &live->health);
    live->status_in = look ? STATUS_EVERY - 1 : live->status_in - 1;
    return 0;
}

/* Other traffic is read now: what was seen of the old says nothing about it. */
static void begin_anew(struct live *live)
{
    live->keys.filtered = false;
    view_done(&live->view);
    users_done(&live->users);
    take_reading(live);
    ticks_restart(live->ticks);
}

static bool needs_names(const struct live *live)
{
    return live->keys.order == ORDER_USER || *live->keys.text;
}

static void show(struct live *live)
{
    size_t room = paint_room(live->cli, &live->screen);
    const struct picture picture = {live->cli, &live->users, &live->view, &live->keys, &live->health};

    user_names_allow(live->users.names, NAMES_MS);
    if (needs_names(live))
        users_find_names(&live->users);
    view_make(&live->view, &live->users, live->keys.order, live->keys.text);
    selection_follow(&live->keys.selection, &live->view, room);
    paint(&live->screen, &picture, &live->layout);
}

static void take_keys(struct live *live)
{
    for (int key; !live->keys.quit && (key = screen_key(&live->screen)) != KEYS_NONE;) {
        keys_take(&live->keys, &live->view, paint_room(live->cli, &live->screen), key);
        if (live->keys.filtered)
            begin_anew(live);
        view_make(&live->view, &live->users, live->keys.order, live->keys.text);
    }
}

/*
 * ncurses ignores SIGTSTP while it writes, and loses one that waits, unless it finds a handler that is not its own.
 * This one never runs: the signal is blocked.
 */
static void keep_stops(int number)
{
    (void)number;
}

/* As Ctrl-Z stops any program. Its SIGCONT is waiting when this returns. */
static void stop_for_a_while(struct live *live)
{
    sigset_t stop;

    screen_leave(&live->screen);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    signal(SIGTSTP, keep_stops);
}

static void take_signal(struct live *live)
{
    struct signalfd_siginfo info;

    if (read(live->signals, &info, sizeof(info)) != sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGTSTP:
        stop_for_a_while(live);
        return;
    case SIGCONT:
    case SIGWINCH:
        screen_renew(&live->screen);
        live->layout = (struct layout){0};
        return;
    default:
        live->keys.quit = true;
    }
}

static int catch_signals(void)
{
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
    sigset_t signals;

    sigemptyset(&signals);
    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++)
        sigaddset(&signals, SIGNALS[i]);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return -errno;
    signal(SIGTSTP, keep_stops);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* What came is acted on, then shown once. */
static void turn(struct live *live, const struct pollfd polled[static 3])
{
    if (polled[0].revents)
        take_signal(live);
    if (polled[1].revents & ~POLLIN)
        live->keys.quit = true; /* the terminal is gone: then it is readable, too */
    else if (polled[1].revents)
        take_keys(live);
    if (polled[2].revents && ticks_take(live->ticks)) {
        take_reading(live);
        live->done++;
    }
}

static enum cli_status loop(struct live *live)
{
    struct pollfd polled[] = {
        {.fd = live->signals, .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = live->ticks, .events = POLLIN},
    };

    while (!live->keys.quit && !(live->count && live->done == live->count)) {
        show(live);
        if (poll(polled, ARRAY_SIZE(polled), -1) < 0)
            return screen_close(&live->screen), cli_failed("cannot wait: %s", strerror(errno));
        turn(live, polled);
    }
    return CLI_DONE;
}

enum cli_status live_run(const struct cli *cli, const struct top *top)
{
    _cleanup_(live_done) struct live live = {
        .cli = cli,
        .keys = {.order = top->order, .filter = top->filter},
        .users.names = top->names,
        .count = top->count,
        .ticks = ticks_open(),
        .signals = catch_signals(),
    };
    int r = take_reading(&live);

    if (r < 0)
        return cli_read_failed(cli, r);
    if (live.ticks < 0 || live.signals < 0)
        return cli_failed("cannot wait: %s", strerror(live.ticks < 0 ? -live.ticks : -live.signals));
    if (screen_open(cli->coloured, &live.screen) < 0)
        return cli_usage("top does not know how to write to this terminal (TERM): write top --batch");
    return loop(&live);
}
