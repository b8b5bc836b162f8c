/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "both_cpus.h"

#include <pthread.h>

#include "cpu.h"

struct worker {
    pthread_t thread;
    pthread_barrier_t *begin;
    cpu_work_fn work;
    void *context;
    int number;
    double done;
};

static void *work_on(void *arg)
{
    struct worker *worker = arg;
    cpu_set_t before;

    cpu_stay(worker->number ? CPU_FIRST : CPU_LAST, &before);
    pthread_barrier_wait(worker->begin);
    worker->done = worker->work(worker->context, worker->number);
    return NULL;
}

double both_cpus(bool both, cpu_work_fn work, void *context)
{
    struct worker workers[2];
    pthread_barrier_t begin;
    int started = 0, wanted = both ? 2 : 1;
    double sum = 0;

    pthread_barrier_init(&begin, NULL, (unsigned)wanted);
    for (; started < wanted; started++) {
        workers[started] = (struct worker){.begin = &begin, .work = work, .context = context, .number = started};
        if (pthread_create(&workers[started].thread, NULL, work_on, &workers[started]) != 0)
            break;
    }
    if (started == 1 && both) /* who waits for the other one is let go */
        pthread_barrier_wait(&begin);
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        sum = sum < 0 || workers[i].done < 0 ? -1 : sum + workers[i].done;
    }
    pthread_barrier_destroy(&begin);
    return started < wanted ? -1 : sum;
}
