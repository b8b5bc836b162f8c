/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "fd.h"
#include "log.h"

static void fd_close_keeps_errno(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    errno = ENOENT;
    assert_int_equal(fd_close(fd), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(fd_close(-1), -1);
}

static void fd_take_leaves_nothing_to_close(void **state)
{
    (void)state;
    int taken;
    {
        _cleanup_fd_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        taken = fd_take(&fd);
        assert_int_equal(fd, -1);
    }
    assert_true(fcntl(taken, F_GETFD) >= 0);
    fd_close(taken);
}

static void fd_read_file_reads_proc(void **state)
{
    (void)state;
    _cleanup_free_ char *text = NULL;
    assert_int_equal(fd_read_file("/proc/self/stat", 4096, &text), 0);
    assert_int_equal(atoi(text), getpid());
}

/* A file of ten bytes: path is changed in place. */
static void make_file(char *path)
{
    _cleanup_fd_ int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789", 10), 10);
}

static void fd_read_file_knows_its_limit(void **state)
{
    (void)state;
    char path[] = "/tmp/trafficctl-unit-XXXXXX";
    make_file(path);
    _cleanup_free_ char *text = NULL;
    int exact = fd_read_file(path, 10, &text);
    char *untouched = NULL;
    int large = fd_read_file(path, 9, &untouched);
    unlink(path);
    assert_int_equal(exact, 0);
    assert_string_equal(text, "0123456789");
    assert_int_equal(large, -EFBIG);
    assert_null(untouched);
    assert_int_equal(fd_read_file(path, 10, &untouched), -ENOENT);
}

static void fault_says_and_returns(void **state)
{
    (void)state;
    struct fault fault = {.text = "earlier"};
    assert_int_equal(fault_set(&fault, -EPERM, "cannot open %s", "it"), -EPERM);
    assert_string_equal(fault.text, "cannot open it");
    assert_int_equal(fault_set(NULL, -EIO, "nobody listens"), -EIO);
}

static void fault_cuts_long_text(void **state)
{
    (void)state;
    char longer[2 * sizeof(((struct fault *)0)->text)];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    struct fault fault;
    fault_set(&fault, -1, "%s", longer);
    assert_int_equal(strlen(fault.text), sizeof(fault.text) - 1);
}

/* What log_line() writes to standard error. */
static void log_and_catch(const char *text, char *ret_line, size_t size)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_warning("%s", text);
    dup2(saved, STDERR_FILENO);
    fd_close(saved);
    fd_close(ends[1]);
    ssize_t length = read(ends[0], ret_line, size - 1);
    fd_close(ends[0]);
    assert_true(length >= 0);
    ret_line[length] = '\0';
}

static void log_writes_one_line(void **state)
{
    (void)state;
    char line[256];
    unsetenv("JOURNAL_STREAM");
    log_open("unit");
    log_and_catch("two\nlines\x1b", line, sizeof(line));
    assert_string_equal(line, "unit: two?lines?\n");
}

static void log_tells_the_journal_its_level(void **state)
{
    (void)state;
    char line[256];
    setenv("JOURNAL_STREAM", "8:1", 1);
    log_open("unit");
    log_and_catch("text", line, sizeof(line));
    assert_string_equal(line, "<4>text\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fd_close_keeps_errno),    cmocka_unit_test(fd_take_leaves_nothing_to_close),
        cmocka_unit_test(fd_read_file_reads_proc), cmocka_unit_test(fd_read_file_knows_its_limit),
        cmocka_unit_test(fault_says_and_returns),  cmocka_unit_test(fault_cuts_long_text),
        cmocka_unit_test(log_writes_one_line),     cmocka_unit_test(log_tells_the_journal_its_level),
    };
    return unit_run(tests);
}
