/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "user_names.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "cleanup.h"

#define REMEMBER_S 600

struct user_name {
    TAILQ_ENTRY(user_name) next;
    uint32_t uid;
    bool asked;    /* it is in the queue, or the thread is at it */
    time_t since;  /* it was asked for */
    char *name;    /* the caller's thread alone frees it; NULL: none, or not known yet */
    char *replied; /* by the thread; it is to be the name */
    bool has_reply;
};

struct user_names {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    user_names_ask ask;
    struct timespec until; /* who waits does */
    bool ended;
    struct user_name **all; /* ascending by uid */
    size_t count, room;
    TAILQ_HEAD(, user_name) queue;
};

static void destroy(struct user_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->all[i]->name);
        free(names->all[i]->replied);
        free(names->all[i]);
    }
    free(names->all);
    pthread_cond_destroy(&names->work);
    pthread_cond_destroy(&names->done);
    pthread_mutex_destroy(&names->lock);
    free(names);
}

/* Called and returns with the lock. */
static void ask_one(struct user_names *names)
{
    struct user_name *user = TAILQ_FIRST(&names->queue);
    uint32_t uid = user->uid;

    TAILQ_REMOVE(&names->queue, user, next);
    pthread_mutex_unlock(&names->lock);
    char *name = names->ask(uid);
    pthread_mutex_lock(&names->lock);
    free(user->replied);
    user->replied = name;
    user->has_reply = true;
    user->asked = false;
    pthread_cond_broadcast(&names->done);
}

/* The last to leave: who ends names does not wait. */
static void *ask_all(void *arg)
{
    struct user_names *names = arg;

    pthread_mutex_lock(&names->lock);
    while (!names->ended)
        if (TAILQ_EMPTY(&names->queue))
            pthread_cond_wait(&names->work, &names->lock);
        else
            ask_one(names);
    pthread_mutex_unlock(&names->lock);
    destroy(names);
    return NULL;
}

/* Signals are for the other thread. */
static int start(struct user_names *names)
{
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&thread, NULL, ask_all, names);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r ? -r : pthread_detach(thread);
}

int user_names_new(user_names_ask ask, struct user_names **ret_names)
{
    struct user_names *names = malloc(sizeof(*names));
    pthread_condattr_t monotonic;

    if (!names)
        return -ENOMEM;
    *names = (struct user_names){.ask = ask, .queue = TAILQ_HEAD_INITIALIZER(names->queue)};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&names->lock, NULL);
    pthread_cond_init(&names->work, NULL);
    pthread_cond_init(&names->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int r = start(names);
    if (r < 0)
        destroy(names);
    else
        *ret_names = names;
    return r;
}

struct user_names *user_names_free(struct user_names *names)
{
    if (!names)
        return NULL;
    pthread_mutex_lock(&names->lock);
    names->ended = true;
    pthread_cond_signal(&names->work);
    pthread_mutex_unlock(&names->lock);
    return NULL;
}

void user_names_allow(struct user_names *names, uint32_t ms)
{
    if (!names)
        return;
    clock_gettime(CLOCK_MONOTONIC, &names->until);
    names->until.tv_sec += ms / 1000;
    names->until.tv_nsec += ms % 1000 * 1000000;
    if (names->until.tv_nsec >= 1000000000) {
        names->until.tv_sec++;
        names->until.tv_nsec -= 1000000000;
    }
}

/* Where uid is, or would be. */
static size_t place_of(const struct user_names *names, uint32_t uid)
{
    size_t low = 0, high = names->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (names->all[middle]->uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: no memory. */
static struct user_name *add(struct user_names *names, size_t place, uint32_t uid)
{
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 16;
        struct user_name **all = reallocarray(names->all, room, sizeof(struct user_name *));
        if (!all)
            return NULL;
        names->all = all;
        names->room = room;
    }
    struct user_name *user = calloc(1, sizeof(*user));
    if (!user)
        return NULL;
    user->uid = uid;
    memmove(&names->all[place + 1], &names->all[place], (names->count - place) * sizeof(struct user_name *));
    names->all[place] = user;
    names->count++;
    return user;
}

static void ask_for(struct user_names *names, struct user_name *user, time_t now)
{
    user->asked = true;
    user->since = now;
    TAILQ_INSERT_TAIL(&names->queue, user, next);
    pthread_cond_signal(&names->work);
}

/* With the lock. */
static const char *find_name(struct user_names *names, uint32_t uid)
{
    size_t place = place_of(names, uid);
    bool known = place < names->count && names->all[place]->uid == uid;
    struct user_name *user = known ? names->all[place] : add(names, place, uid);
    struct timespec now;

    if (!user)
        return NULL;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!known || (!user->asked && now.tv_sec - user->since >= REMEMBER_S))
        ask_for(names, user, now.tv_sec);
    while (!known && user->asked && pthread_cond_timedwait(&names->done, &names->lock, &names->until) == 0)
        ;
    if (user->has_reply) {
        free(user->name);
        user->name = TAKE_PTR(user->replied);
        user->has_reply = false;
    }
    return user->name;
}

const char *user_names_of(struct user_names *names, uint32_t uid)
{
    if (!names)
        return NULL;
    pthread_mutex_lock(&names->lock);
    const char *name = find_name(names, uid);
    pthread_mutex_unlock(&names->lock);
    return name;
}
