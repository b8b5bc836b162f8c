/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "meter.h"

static void swallow(int fd)
{
    char block[2000];

    while (recv(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
        ;
}

static void *run_stream(void *arg)
{
    struct stream *stream = arg;
    const int fd[] = {stream->udp.a, stream->udp.b, stream->tcp.a, stream->tcp.b};

    run_anywhere();
    while (!atomic_load(&stream->stop)) {
        for (int i = 0; i < stream->burst; i++)
            if (send(fd[i % 4], "0123456789", 10, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
                perror("send");
        for (int i = 0; i < 4; i++)
            swallow(fd[i]);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return NULL;
}

void stream_start(struct stream *stream, uid_t uid, int burst)
{
    *stream = (struct stream){
        .udp = udp_pair(the_world, uid, AF_INET, 1), .tcp = tcp_connect(the_world, uid, AF_INET, 1), .burst = burst};
    assert_int_equal(pthread_create(&stream->thread, NULL, run_stream, stream), 0);
}

void stream_stop(struct stream *stream)
{
    atomic_store(&stream->stop, true);
    assert_int_equal(pthread_join(stream->thread, NULL), 0);
    swallow(stream->tcp.a);
    swallow(stream->tcp.b);
}

void stream_end(struct stream *stream)
{
    if (!atomic_load(&stream->stop))
        stream_stop(stream);
    tcp_end(&stream->tcp, true);
    udp_close(&stream->udp);
}
