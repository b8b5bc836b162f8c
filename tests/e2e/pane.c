/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "pane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"
#include "program.h"

#define MAX_WORDS 16
#define PATIENCE_MS 10000

static struct {
    char folder[64]; /* "": nothing is open */
    pid_t server;
    int output; /* a fifo: whatever the terminal is sent comes here too */
    char text[PANE_TEXT];
} pane = {.output = -1};

__attribute__((noreturn)) static void child(const char *const *words, int out)
{
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (out >= 0 && (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0))
        _exit(126);
    setenv("TMUX_TMPDIR", pane.folder, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("TMUX");
    execvp("tmux", (char *const *)words);
    _exit(127);
}

static pid_t start(const char *const *arguments, int out)
{
    const char *words[MAX_WORDS] = {"tmux", "-L", "pane", "-f", "/dev/null"};
    size_t n = 5;

    while (*arguments && n < MAX_WORDS - 1)
        words[n++] = *arguments++;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child(words, out);
    assert_true(pid > 0);
    return pid;
}

/* A command to the server, what it says into pane.text; its exit status. */
static int tmux(const char *const *arguments)
{
    _cleanup_fd_ int out = memfd_create("tmux", MFD_CLOEXEC);
    int status;

    assert_int_equal(waitpid(start(arguments, out), &status, 0) > 0, 1);
    ssize_t n = pread(out, pane.text, sizeof(pane.text) - 1, 0);
    assert_true(n >= 0);
    pane.text[n] = '\0';
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define TMUX(...) tmux((const char *const[]){__VA_ARGS__, NULL})

static void path_of(const char *name, char path[static 128])
{
    snprintf(path, 128, "%s/%s", pane.folder, name);
}

/* A server without a session ends again, so it is asked for one until it is there to hear. */
static void start_server(const char *shell)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    uint64_t begin = now_ms();
    char command[256];

    pane.server = start((const char *const[]){"-D", NULL}, -1);
    while (TMUX("-N", "new-session", "-d", "-x", "80", "-y", "24", "-c", pane.folder, shell) != 0) {
        if (now_ms() - begin > PATIENCE_MS)
            fail_msg("tmux does not start: %s", pane.text);
        nanosleep(&pause, NULL);
    }
    snprintf(command, sizeof(command), "cat >%s/output", pane.folder);
    assert_int_equal(TMUX("set-option", "-g", "status", "off"), 0);
    assert_int_equal(TMUX("resize-window", "-x", "80", "-y", "24"), 0);
    assert_int_equal(TMUX("pipe-pane", command), 0);
}

void pane_open(uid_t uid, const char *locale)
{
    char path[128], shell[1024];

    snprintf(pane.folder, sizeof(pane.folder), "/tmp/tctl-pane-XXXXXX");
    assert_non_null(mkdtemp(pane.folder));
    assert_return_code(chmod(pane.folder, 0777), errno);
    path_of("output", path);
    assert_return_code(mkfifo(path, 0600), errno);
    pane.output = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_return_code(pane.output, errno);
    snprintf(shell, sizeof(shell),
             "exec setpriv --reuid=%u --regid=%u --clear-groups env -u ENV -u NO_COLOR 'PS1=$ ' LC_ALL=%s B=%s "
             "PATH=%s:/usr/bin:/bin /bin/sh",
             uid, uid, locale, the_world->bpffs, TCTL_BUILD);
    start_server(shell);
    pane_prompts();
}

static void remove_files(void)
{
    static const char *const FILES[] = {"output", "before", "after", "pid", "tmux-0/pane", "tmux-0"};
    char path[128];

    for (size_t i = 0; i < ARRAY_SIZE(FILES); i++) {
        path_of(FILES[i], path);
        remove(path);
    }
    assert_return_code(rmdir(pane.folder), errno);
}

void pane_close(void)
{
    if (!*pane.folder)
        return;
    if (pane.server) {
        TMUX("-N", "kill-server");
        waitpid(pane.server, NULL, 0);
    }
    pane.server = 0;
    pane.output = fd_close(pane.output);
    remove_files();
    *pane.folder = '\0';
}

void pane_type(const char *text)
{
    assert_int_equal(TMUX("send-keys", "-l", text), 0);
}

void pane_key(const char *name)
{
    assert_int_equal(TMUX("send-keys", name), 0);
}

void pane_run(const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    pane_type(line);
    pane_key("Enter");
}

void pane_resize(int width, int height)
{
    char x[16], y[16];

    snprintf(x, sizeof(x), "%d", width);
    snprintf(y, sizeof(y), "%d", height);
    assert_int_equal(TMUX("resize-window", "-x", x, "-y", y), 0);
}

const char *pane_screen(bool colors)
{
    assert_int_equal(colors ? TMUX("capture-pane", "-p", "-e") : TMUX("capture-pane", "-p"), 0);
    return pane.text;
}

/* Until the terminal is sent something more, at most so long. */
static void await_output(int ms)
{
    struct pollfd more = {.fd = pane.output, .events = POLLIN};
    char block[4096];

    poll(&more, 1, ms);
    while (read(pane.output, block, sizeof(block)) > 0)
        ;
}

void pane_until(pane_test test, void *arg, const char *what)
{
    uint64_t begin = now_ms(), passed;

    while (!test(pane_screen(false), arg)) {
        passed = now_ms() - begin;
        if (passed >= PATIENCE_MS)
            fail_msg("%s, within %d ms; the screen:\n%s", what, PATIENCE_MS, pane.text);
        await_output(PATIENCE_MS - (int)passed);
    }
}

static bool holds(const char *screen, void *text)
{
    return strstr(screen, text);
}

static bool lacks(const char *screen, void *text)
{
    return !strstr(screen, text);
}

void pane_shows(const char *text)
{
    pane_until(holds, (char *)text, text);
}

void pane_shows_not(const char *text)
{
    pane_until(lacks, (char *)text, text);
}

/* The last line with text is the prompt alone. */
static bool prompts(const char *screen, void *arg)
{
    size_t length = strlen(screen);

    (void)arg;
    while (length && screen[length - 1] == '\n')
        length--;
    return length && screen[length - 1] == '$' && (length == 1 || screen[length - 2] == '\n');
}

void pane_prompts(void)
{
    pane_until(prompts, NULL, "a prompt");
}

int pane_pid(void)
{
    char pid[16];

    pane_file("pid", pid, sizeof(pid));
    return atoi(pid);
}

int pane_value(const char *name)
{
    char format[64];

    snprintf(format, sizeof(format), "#{%s}", name);
    assert_int_equal(TMUX("display-message", "-p", format), 0);
    return atoi(pane.text);
}

void pane_file(const char *name, char *text, size_t size)
{
    char path[128];

    path_of(name, path);
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
}
