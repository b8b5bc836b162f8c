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

/* Between two tries of a repair that fails; a look less than a second, so that it is not every other look. */
#define RETRY_MS 900

#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR)

struct attachments {
    struct loaded *loaded;
    const struct settings *settings;
    attachments_fn told;
    void *data;
    struct event *due;
    struct event *noticed; /* NULL: there are no events */
    int inotify;
    int group_watch;       /* of the folder that the control group is in; -1: none */
    struct load_seen seen; /* what is damaged and was told */
    struct fault failure;  /* of the last repair, so that a lasting one is told once */
    int look_error;        /* the same of looking */
    uint64_t retry_ms;     /* CLOCK_MONOTONIC; no repair before */
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
static void tell_found(const struct attachments *attachments, const struct load_seen *found)
{
    const struct load_seen *before = &attachments->seen;
    uint64_t news = found->pins & ~before->pins;
    if (found->no_group && !before->no_group)
        log_warning("the control group %s was removed", attachments->settings->cgroup);
    if (!found->no_group)
        tell_programs(before, found);
    if (found->places & ~before->places)
        log_warning("interfaces are no longer counted at %d of %d places in netfilter",
                    __builtin_popcount(found->places), TCTL_IFACE_HOOKS);
    for (int id = 0; id < PINS; id++)
        if (news >> id & 1)
            log_warning("the pin %s/%s is gone or not ours any more", attachments->settings->bpffs, pins[id].path);
}

static void tell_failure(struct attachments *attachments, int r, struct fault *fault)
{
    if (!*fault->text)
        fault_set(fault, r, "%s", strerror(-r));
    if (strcmp(fault->text, attachments->failure.text) != 0)
        log_error("cannot repair what is attached: %s; trying again each second", fault->text);
    attachments->failure = *fault;
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
        attachments->retry_ms = now_ms() + RETRY_MS;
        return;
    }
    if (!load_seen_whole(&found) || !load_seen_whole(&attachments->seen))
        log_info("all programs are attached and pinned again");
    attachments->seen = (struct load_seen){0};
    attachments->failure = (struct fault){0};
}

static void look(struct attachments *attachments)
{
    struct load_seen seen;
    int r = loader_watch(attachments->loaded, &seen);
    bool damaged = r == 0 && (!load_seen_whole(&seen) || *attachments->failure.text);
    if (damaged && now_ms() >= attachments->retry_ms) {
        repair(attachments);
        r = loader_watch(attachments->loaded, &seen);
    }
    if (r < 0 && r != attachments->look_error)
        log_error("cannot look at the attached programs: %s; trying again each second", strerror(-r));
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
    if (!name)
        return;
    if (name > path)
        snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
    attachments->group_watch = inotify_add_watch(attachments->inotify, folder, CHANGES);
}

/* Again before each look: a folder that was made anew is another one, the same is no second watch. */
static void watch_folders(struct attachments *attachments)
{
    char path[SETTINGS_STRING_LEN + sizeof(TCTL_DIR) + 1];
    if (attachments->inotify < 0)
        return;
    inotify_add_watch(attachments->inotify, attachments->settings->bpffs, CHANGES);
    snprintf(path, sizeof(path), "%s/" TCTL_DIR, attachments->settings->bpffs);
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
}

static int listen_to_folders(struct event_base *base, struct attachments *attachments)
{
    attachments->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (attachments->inotify < 0) {
        log_warning("cannot hear of changes below %s: %s; looking every %d ms", attachments->settings->bpffs,
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
    attachments->due = event_new(base, -1, EV_PERSIST, on_due, attachments);
    int r = attachments->due && event_add(attachments->due, &LOOK) == 0 ? 0 : -ENOMEM;
    if (r == 0)
        r = listen_to_folders(base, attachments);
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
    if (attachments->due)
        event_free(attachments->due);
    fd_close(attachments->inotify);
    free(attachments);
    return NULL;
}
