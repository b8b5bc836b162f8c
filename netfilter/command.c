/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

#define STEP_MS 10 /* between two looks whether it has ended; only while it runs */
#define REAP_MS 500

struct output {
    int fd;
    char *said;
    size_t size, length;
};

uint64_t command_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* All before it starts: a pipe with both ends here takes it without a reader, and none can go away. */
static int feed(const char *input, int *ret_fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    _cleanup_fd_ int from = ends[0];
    _cleanup_fd_ int to = ends[1];
    const size_t length = strlen(input);
    if (length > 0 && write(to, input, length) != (ssize_t)length)
        return -E2BIG;
    if (fcntl(from, F_SETFL, 0) < 0)
        return -errno;
    *ret_fd = fd_take(&from);
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const char *const argv[], int input, int output)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    setsid();
    reset_signals();
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(127);
    /* Ours are all closed by exec(); those of a library need not be. Kernels before 5.9 do not know it. */
    syscall(SYS_close_range, 3, ~0U, 0);
    execve(argv[0], (char *const *)argv, (char *const *)environment);
    _exit(127);
}

static int start(const char *const argv[], const char *input, int *ret_output, pid_t *ret_pid)
{
    int ends[2];
    _cleanup_fd_ int from = -1;
    int r = feed(input, &from);
    if (r < 0)
        return r;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    _cleanup_fd_ int output = ends[0];
    _cleanup_fd_ int to = ends[1];
    if (fcntl(output, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    const pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        become(argv, from, to);
    *ret_output = fd_take(&output);
    *ret_pid = pid;
    return 0;
}

/* What does not fit is read all the same, or it could not go on. One piece a time: it may write without an end. */
static void take(struct output *output)
{
    char piece[4096];
    const ssize_t got = read(output->fd, piece, sizeof(piece));
    if (got == 0)
        output->fd = fd_close(output->fd);
    for (ssize_t i = 0; i < got && output->length + 1 < output->size; i++)
        output->said[output->length++] = (unsigned char)piece[i] < ' ' ? ' ' : piece[i];
}

static void finish(struct output *output)
{
    if (output->fd >= 0)
        take(output);
    while (output->length > 0 && output->said[output->length - 1] == ' ')
        output->length--;
    if (output->size > 0)
        output->said[output->length] = '\0';
    output->fd = fd_close(output->fd);
}

/* 1: it has ended, 0: not yet. */
static int has_ended(pid_t pid, int *ret_status)
{
    const pid_t ended = waitpid(pid, ret_status, WNOHANG);
    if (ended < 0)
        return -errno;
    return ended == pid;
}

static int follow(pid_t pid, struct output *output, uint64_t deadline_ms, int *ret_status)
{
    for (;;) {
        struct pollfd readable = {.fd = output->fd, .events = POLLIN};
        if (poll(&readable, 1, STEP_MS) > 0)
            take(output);
        const int r = has_ended(pid, ret_status);
        if (r != 0)
            return r < 0 ? r : 0;
        if (command_now_ms() >= deadline_ms)
            return -ETIMEDOUT;
    }
}

/* It is not reaped yet, so the number is its own. One that nothing can kill is left to whoever reaps our children. */
static void end(pid_t pid)
{
    int status;
    const uint64_t until = command_now_ms() + REAP_MS;
    kill(-pid, SIGKILL); /* it leads its session, with what it has started */
    kill(pid, SIGKILL);
    while (has_ended(pid, &status) == 0 && command_now_ms() < until)
        poll(NULL, 0, 1);
}

int command_run(const char *const argv[], const char *input, uint64_t deadline_ms, char *said, size_t size)
{
    int status = 0;
    pid_t pid = -1;
    struct output output = {.fd = -1, .size = size};
    output.said = said;
    int r = start(argv, input, &output.fd, &pid);
    if (r == 0) {
        r = follow(pid, &output, deadline_ms, &status);
        if (r == -ETIMEDOUT)
            end(pid);
    }
    finish(&output);
    if (r < 0)
        return r;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
