/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "attachments.h"

#include <attached.h>
#include <errno.h>
#include <event2/event.h>
#include <pins.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "log.h"
#include "table_log.h"

/* Between two tries of a repair that fails; a look less than a second, so that it is not every other look. */
#define RETRY_MS 900
/* Before another look than one that others have cut short or made vain: they may go on for long. */
#define SOON_MS 10
/* Between two lines of the same failure, where a repair went well in between. */
#define APART_MS 1000

#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR)

struct attachments {
    struct loaded *loaded;
    const struct settings *settings;
    attachments_fn told;
    void *data;
    struct event *due;
    struct event *noticed; /* NULL: there are no events */
    struct event *changed; /* the ruleset; NULL: nothing of ours is in there */
    struct event *soon;
    int inotify;
    int group_watch;       /* of the folder that the control group is in; -1: none */
    struct load_seen seen; /* what is damaged and was told */
    struct table_log table;
    struct fault failure; /* of the last repair, so that a lasting one is told once */
    struct fault last;    /* that was told, at last_ms */
    uint64_t last_ms;
    int look_error;    /* the same of looking */
    uint64_t retry_ms; /* CLOCK_MONOTONIC; no repair before */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell_programs(const struct load_seen *before, const struct load_seen *found)
{
    for (uint32_t i = 0; i < TCTL_PROGRAMS; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (found->foreign & ~before->foreign & bit)
            log_warning("another program hangs in the place of the %s program", attached_pins[i].name);
        else if (found->missing & ~before->missing & bit)
            log_warning("the %s program is no longer attached", attached_pins[i].name);
    }
}

/* What was not told before. */
static void tell_found(struct attachments *attachments, const struct load_seen *found)
{
    const struct load_seen *before = &attachments->seen;
    uint64_t news = found->pins & ~before->pins;
    if (found->no_group && !before->no_group)
        log_warning("the control group %s was removed", attachments->settings->cgroup);
    if (found->table && !before->table)
        table_log_damaged(&attachments->table, found, now_ms());
    if (!found->no_group && !found->table) /* which is instead of all programs */
        tell_programs(before, found);
    if (found->places & ~before->places)
        log_warning("interfaces are no longer counted at %d of %d places in netfilter",
                    __builtin_popcount(found->places), TCTL_IFACE_HOOKS);
    for (int id = 0; id < PINS; id++)
        if (news >> id & 1)
            log_warning("the pin %s/%s is gone or not ours any more", loaded_place(attachments->loaded), pins[id].path);
}

/* Where others go on, one repair may fail and the next one not, as often as they like. */
static bool is_news(const struct attachments *attachments, const struct fault *failure)
{
    if (strcmp(failure->text, attachments->failure.text) == 0)
        return false;
    return strcmp(failure->text, attachments->last.text) != 0 || now_ms() - attachments->last_ms >= APART_MS;
}

static void tell_failure(struct attachments *attachments, int r, struct fault *fault)
{
    if (!*fault->text)
        fault_set(fault, r, "%s", strerror(-r));
    if (is_news(attachments, fault)) {
        log_error("cannot repair what is attached: %s; trying again each second", fault->text);
        attachments->last = *fault;
        attachments->last_ms = now_ms();
        table_log_failed(&attachments->table);
    }
    attachments->failure = *fault;
}

static void tell_repaired(struct attachments *attachments)
{
    if (loaded_has_maps(attachments->loaded))
        log_info("all programs are attached and pinned again");
    else
        table_log_repaired(&attachments->table);
}

static void repair(struct attachments *attachments)
{
    struct load_options options = settings_load_options(attachments->settings, NULL);
    struct load_seen found = {0};
    struct fault fault = {0};
    int r = loader_repair(attachments->loaded, &options, &found, &fault);
    tell_found(attachments, &found);
    if (r < 0) {
        tell_failure(attachments, r, &fault);
        attachments->seen = found;
        attachments->retry_ms = r == -EAGAIN ? 0 : now_ms() + RETRY_MS;
        return;
    }
    if (!load_seen_whole(&found) || !load_seen_whole(&attachments->seen))
        tell_repaired(attachments);
    attachments->seen = (struct load_seen){0};
    attachments->failure = (struct fault){0};
}

/* Was ours changed? Who did it is known then, for those who look. What cannot be heard may be anything. */
static bool hear(struct attachments *attachments)
{
    bool ours = false;
    if (attachments->changed)
        loader_hear(attachments->loaded, &ours);
    return ours;
}

/* What others did meanwhile may have been heard already, and what changes cannot be looked at. */
static bool wants_another_look(const struct attachments *attachments, int r, const struct load_seen *seen)
{
    return r == -EAGAIN || (r == 0 && seen->table && now_ms() >= attachments->retry_ms);
}

static void look(struct attachments *attachments)
{
    static const struct timeval SOON = {.tv_usec = SOON_MS * 1000};
    struct load_seen seen;
    hear(attachments);
    int r = loader_watch(attachments->loaded, &seen);
    bool damaged = r == 0 && (!load_seen_whole(&seen) || *attachments->failure.text);
    if (damaged && now_ms() >= attachments->retry_ms) {
        repair(attachments);
        r = loader_watch(attachments->loaded, &seen);
    }
    if (wants_another_look(attachments, r, &seen))
        event_add(attachments->soon, &SOON);
    else if (r < 0 && r != attachments->look_error)
        log_error("cannot look at what counts: %s; trying again each second", strerror(-r));
    attachments->look_error = r;
    if (r == 0)
        attachments->told(seen.attached & UINT32_C(1) << TCTL_PROG_RELEASE, attachments->data);
}

/* Where the name of the control group begins in its path, without what ends it. NULL: the mount point is asked for. */
static const char *group_name(const char *path, size_t *ret_length)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    const char *slash = memrchr(path, '/', length);
    const char *name = slash ? slash + 1 : path;
    *ret_length = (size_t)(path + length - name);
    return *ret_length > 0 ? name : NULL;
}

static void watch_group(struct attachments *attachments)
{
    size_t length;
    char folder[SETTINGS_STRING_LEN] = ".";
    const char *path = attachments->settings->cgroup, *name = group_name(path, &length);
    attachments->group_watch = -1;
    if (!name || !loaded_has_maps(attachments->loaded))
        return;
    if (name > path)
        snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
    attachments->group_watch = inotify_add_watch(attachments->inotify, folder, CHANGES);
}

/* Again before each look: a folder that was made anew is another one, the same is no second watch. */
static void watch_folders(struct attachments *attachments)
{
    char path[SETTINGS_STRING_LEN + sizeof(TCTL_DIR) + 1];
    const char *place = loaded_place(attachments->loaded);
    if (attachments->inotify < 0)
        return;
    inotify_add_watch(attachments->inotify, place, CHANGES);
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, place);
    inotify_add_watch(attachments->inotify, path, CHANGES);
    watch_group(attachments);
}

/* Whoever waits for the control group to be made anew is not kept waiting. */
static void hurry(struct attachments *attachments, const struct inotify_event *event)
{
    if (event->wd == attachments->group_watch)
        attachments->retry_ms = 0;
}

/* The control group may have many brothers, who come and go. */
static bool concerns_us(const struct attachments *attachments, const struct inotify_event *event)
{
    size_t length;
    const char *name = group_name(attachments->settings->cgroup, &length);
    if (event->wd != attachments->group_watch || event->len == 0)
        return true;
    return name && strlen(event->name) == length && memcmp(event->name, name, length) == 0;
}

static void on_noticed(evutil_socket_t fd, short what, void *data)
{
    struct attachments *attachments = data;
    _Alignas(struct inotify_event) char buffer[8192];
    bool any = false;
    (void)what;
    ssize_t length = read(fd, buffer, sizeof(buffer));
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        if (concerns_us(attachments, event)) {
            hurry(attachments, event);
            any = true;
        }
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    if (!any)
        return;
    watch_folders(attachments);
    look(attachments);
}

static void on_due(evutil_socket_t fd, short what, void *data)
{
    struct attachments *attachments = data;
    (void)fd;
    (void)what;
    watch_folders(attachments);
    look(attachments);
    table_log_rest(&attachments->table, now_ms());
}

/* Whoever waits for the firewall to be closed again is not kept waiting. */
static void on_changed(evutil_socket_t fd, short what, void *data)
{
    struct attachments *attachments = data;
    (void)fd;
    (void)what;
    if (!hear(attachments))
        return;
    attachments->retry_ms = 0;
    look(attachments);
}

static int listen_to_ruleset(struct event_base *base, struct attachments *attachments)
{
    const int fd = loaded_descriptor(attachments->loaded);
    if (fd < 0)
        return 0;
    attachments->changed = event_new(base, fd, EV_READ | EV_PERSIST, on_changed, attachments);
    return attachments->changed && event_add(attachments->changed, NULL) == 0 ? 0 : -ENOMEM;
}

static int listen_to_folders(struct event_base *base, struct attachments *attachments)
{
    attachments->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (attachments->inotify < 0) {
        log_warning("cannot hear of changes below %s: %s; looking every %d ms", loaded_place(attachments->loaded),
                    strerror(errno), ATTACHMENTS_LOOK_MS);
        return 0;
    }
    attachments->noticed = event_new(base, attachments->inotify, EV_READ | EV_PERSIST, on_noticed, attachments);
    return attachments->noticed && event_add(attachments->noticed, NULL) == 0 ? 0 : -ENOMEM;
}

int attachments_new(struct event_base *base, struct loaded *loaded, const struct settings *settings,
                    attachments_fn told, void *data, struct attachments **ret_attachments)
{
    static const struct timeval LOOK = {.tv_usec = ATTACHMENTS_LOOK_MS * 1000};
    struct attachments *attachments = malloc(sizeof(*attachments));
    if (!attachments)
        return -ENOMEM;
    *attachments = (struct attachments){
        .loaded = loaded, .settings = settings, .told = told, .data = data, .inotify = -1, .group_watch = -1};
    attachments->soon = evtimer_new(base, on_due, attachments);
    attachments->due = event_new(base, -1, EV_PERSIST, on_due, attachments);
    int r = attachments->soon && attachments->due && event_add(attachments->due, &LOOK) == 0 ? 0 : -ENOMEM;
    if (r == 0)
        r = listen_to_folders(base, attachments);
    if (r == 0)
        r = listen_to_ruleset(base, attachments);
    if (r < 0) {
        attachments_free(attachments);
        return r;
    }
    on_due(-1, 0, attachments);
    *ret_attachments = attachments;
    return 0;
}

struct attachments *attachments_free(struct attachments *attachments)
{
    if (!attachments)
        return NULL;
    if (attachments->noticed)
        event_free(attachments->noticed);
    if (attachments->changed)
        event_free(attachments->changed);
    if (attachments->due)
        event_free(attachments->due);
    if (attachments->soon)
        event_free(attachments->soon);
    fd_close(attachments->inotify);
    free(attachments);
    return NULL;
}
