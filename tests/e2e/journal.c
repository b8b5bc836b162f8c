/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

static int journal = -1;
static char said[32768];
static size_t length;

/* False: nothing came in time. */
static bool hear(int wait_ms)
{
    struct pollfd ready = {.fd = journal, .events = POLLIN};

    if (poll(&ready, 1, wait_ms) <= 0)
        return false;
    assert_true(length < sizeof(said) - 1);
    ssize_t got = read(journal, said + length, sizeof(said) - 1 - length);
    length += got > 0 ? (size_t)got : 0;
    said[length] = '\0';
    return got > 0;
}

void journal_start(void)
{
    int ends[2];
    _cleanup_fd_ int error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

    journal_end();
    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    assert_return_code(dup2(ends[1], STDERR_FILENO), errno);
    int r = world_start_daemon(the_world);
    assert_return_code(dup2(error, STDERR_FILENO), errno);
    fd_close(ends[1]);
    journal = ends[0];
    while (r < 0 && hear(0))
        ;
    if (r < 0)
        fail_msg("trafficd said: %s", said);
}

void journal_end(void)
{
    journal = fd_close(journal);
    journal_forget();
}

void journal_forget(void)
{
    do
        length = 0;
    while (journal >= 0 && hear(0));
    said[0] = '\0';
}

void journal_waits_for(const char *text)
{
    uint64_t until = now_ms() + SECOND_MS;

    while (!strstr(said, text)) {
        uint64_t now = now_ms();
        if (now >= until || !hear((int)(until - now)))
            fail_msg("trafficd does not say '%s', but: %s", text, said);
    }
}

unsigned int journal_count(const char *text)
{
    unsigned int count = 0;

    while (hear(0))
        ;
    for (const char *at = strstr(said, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}
