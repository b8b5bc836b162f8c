/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "saving.h"

#include <errno.h>
#include <event2/event.h>
#include <loader.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct saving {
    struct loaded *loaded;
    struct event *due;
    struct fault failure; /* of the last time, so that a lasting one is told once */
};

static void save(struct saving *saving)
{
    struct fault fault = {0};
    int r = loader_save(saving->loaded, &fault);

    if (r < 0 && !*fault.text)
        fault_set(&fault, r, "counters cannot be saved: %s", strerror(-r));
    if (r < 0 && strcmp(fault.text, saving->failure.text) != 0)
        log_error("%s; trying again each %d seconds", fault.text, SAVING_MS / 1000);
    if (r == 0 && *saving->failure.text)
        log_info("counters are saved again");
    saving->failure = fault;
}

static void on_due(evutil_socket_t fd, short what, void *data)
{
    (void)fd;
    (void)what;
    save(data);
}

static void release(struct saving *saving)
{
    if (saving->due)
        event_free(saving->due);
    free(saving);
}

int saving_new(struct event_base *base, struct loaded *loaded, struct saving **ret_saving)
{
    static const struct timeval EACH = {.tv_sec = SAVING_MS / 1000};
    struct saving *saving = calloc(1, sizeof(*saving));

    if (!saving)
        return -ENOMEM;
    saving->loaded = loaded;
    saving->due = event_new(base, -1, EV_PERSIST, on_due, saving);
    if (!saving->due || event_add(saving->due, &EACH) < 0) {
        release(saving);
        return -ENOMEM;
    }
    *ret_saving = saving;
    return 0;
}

struct saving *saving_end(struct saving *saving)
{
    if (!saving)
        return NULL;
    save(saving);
    release(saving);
    return NULL;
}
