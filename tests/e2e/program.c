/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <grp.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "program.h"

#define MAX_WORDS 32
#define SECONDS 20
#define MAX_TEXT (16 << 20)

__attribute__((noreturn)) static void child(uid_t uid, const char *const *word, int out, int error)
{
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    alarm(SECONDS);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    if (uid == 0 || (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0))
        execv(word[0], (char *const *)word);
    _exit(126);
}

static void take(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);

    assert_true(n >= 0 && (size_t)n < size - 1);
    text[n] = '\0';
}

/* Its exit status; -1: a signal ended it. */
static int run_to(uid_t uid, const char *name, const char *const *arguments, int out, int error)
{
    const char *word[MAX_WORDS + 2] = {NULL};
    char path[256];
    size_t n = 0;
    int status;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/%s", TCTL_BUILD, name);
    for (word[n++] = path; *arguments && n <= MAX_WORDS; arguments++)
        word[n++] = *arguments;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        child(uid, word, out, error);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void run_as(uid_t uid, const char *name, const char *const *arguments, struct program *ret_program)
{
    _cleanup_fd_ int out = memfd_create("out", MFD_CLOEXEC), error = memfd_create("error", MFD_CLOEXEC);

    ret_program->exit = run_to(uid, name, arguments, out, error);
    take(out, ret_program->out, sizeof(ret_program->out));
    take(error, ret_program->error, sizeof(ret_program->error));
}

/* The words of a line behind those that name the pins; the line is taken apart. */
static void split_line(struct world *world, char *line, const char *argument[static MAX_WORDS])
{
    size_t n = 0;

    argument[n++] = "--bpffs";
    argument[n++] = world->bpffs;
    for (char *w = strtok(line, " "); w && n < MAX_WORDS - 1; w = strtok(NULL, " "))
        argument[n++] = w;
    argument[n] = NULL;
}

char *run_ctl_text(struct world *world, uid_t uid, const char *words)
{
    _cleanup_fd_ int out = memfd_create("out", MFD_CLOEXEC), error = memfd_create("error", MFD_CLOEXEC);
    const char *argument[MAX_WORDS];
    char line[512], said[4096], *text = NULL;
    size_t length;

    snprintf(line, sizeof(line), "%s", words);
    split_line(world, line, argument);
    int exit = run_to(uid, "trafficctl", argument, out, error);
    take(error, said, sizeof(said));
    if (exit != 0 || *said)
        fail_msg("trafficctl %s: exit status %d; it said: %s", words, exit, said);
    assert_true(lseek(out, 0, SEEK_SET) == 0);
    assert_int_equal(fd_read_all(out, MAX_TEXT, &text, &length), 0);
    return text;
}

void run_ctl(struct world *world, const char *words, int expected, struct program *ret_program)
{
    const char *argument[MAX_WORDS];
    char line[512];

    snprintf(line, sizeof(line), "%s", words);
    split_line(world, line, argument);
    run_as(0, "trafficctl", argument, ret_program);
    if (ret_program->exit != expected)
        fail_msg("trafficctl %s: exit status %d, expected %d; it said: %s", words, ret_program->exit, expected,
                 ret_program->error);
}

/* Until nobody has the terminal open any more. */
static void take_shown(int terminal, char *text, size_t size)
{
    size_t used = 0;
    ssize_t n;

    while ((n = read(terminal, text + used, size - used - 1)) > 0)
        used += (size_t)n;
    text[used] = '\0';
}

void run_ctl_at_terminal(struct world *world, const char *words, int expected, struct program *ret_program)
{
    _cleanup_fd_ int error = memfd_create("error", MFD_CLOEXEC), terminal = -1;
    const char *argument[MAX_WORDS];
    struct termios raw = {0};
    char line[512];
    int out;

    snprintf(line, sizeof(line), "%s", words);
    split_line(world, line, argument);
    cfmakeraw(&raw);
    assert_return_code(openpty(&terminal, &out, NULL, &raw, NULL), errno);
    ret_program->exit = run_to(0, "trafficctl", argument, out, error);
    close(out);
    take_shown(terminal, ret_program->out, sizeof(ret_program->out));
    take(error, ret_program->error, sizeof(ret_program->error));
    if (ret_program->exit != expected)
        fail_msg("trafficctl %s: exit status %d, expected %d; it said: %s", words, ret_program->exit, expected,
                 ret_program->error);
}

struct tctl_counters json_counters(const json_t *row)
{
    return (struct tctl_counters){
        .rx_bytes = (uint64_t)json_integer_value(json_object_get(row, "rx_bytes")),
        .rx_packets = (uint64_t)json_integer_value(json_object_get(row, "rx_packets")),
        .tx_bytes = (uint64_t)json_integer_value(json_object_get(row, "tx_bytes")),
        .tx_packets = (uint64_t)json_integer_value(json_object_get(row, "tx_packets")),
    };
}

json_t *run_ctl_json(struct world *world, const char *words, int expected)
{
    _cleanup_free_ struct program *program = calloc(1, sizeof(*program));
    char line[512];
    json_error_t error;
    json_t *document;

    assert_non_null(program);
    snprintf(line, sizeof(line), "--json %s", words);
    run_ctl(world, line, expected, program);
    document = json_loads(program->out, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        fail_msg("trafficctl %s: %s at line %d of: %s", line, error.text, error.line, program->out);
    assert_true(json_is_object(document));
    assert_int_equal(json_integer_value(json_object_get(document, "version")), 1);
    return document;
}

void assert_refused(const struct program *program, int expected, const char *part, const char *another)
{
    const char *end = strchr(program->error, '\n');

    if (program->exit != expected || !end || end[1] != '\0' || (part && !strstr(program->error, part)) ||
        (another && !strstr(program->error, another)))
        fail_msg("expected exit status %d and one line with '%s' and '%s', got %d and: %s", expected, part ?: "",
                 another ?: "", program->exit, program->error);
}
