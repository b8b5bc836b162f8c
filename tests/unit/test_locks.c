/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "locks.h"

static struct stat file_of(unsigned int disk_major, unsigned int disk_minor, ino_t inode)
{
    return (struct stat){.st_dev = makedev(disk_major, disk_minor), .st_ino = inode};
}

static void locks_finds_the_holder(void **state)
{
    (void)state;
    struct stat file = file_of(0, 0x1c, 5678);
    assert_int_equal(locks_parse("1: FLOCK  ADVISORY  WRITE 1234 00:1c:5678 0 EOF\n", &file), 1234);
    struct stat large = file_of(0x103, 0xabcde, 18446744073709551615ull);
    assert_int_equal(locks_parse("27: FLOCK ADVISORY WRITE 9 103:abcde:18446744073709551615 0 EOF", &large), 9);
}

static void locks_passes_over_other_lines(void **state)
{
    (void)state;
    static const char *const others[] = {
        "1: FLOCK  ADVISORY  WRITE 1234 00:1c:5679 0 EOF", /* another file */
        "1: FLOCK  ADVISORY  WRITE 1234 00:1d:5678 0 EOF",
        "1: FLOCK  ADVISORY  WRITE 1234 01:1c:5678 0 EOF",
        "1: FLOCK  ADVISORY  READ  1234 00:1c:5678 0 EOF",    /* shared */
        "1: -> FLOCK  ADVISORY  WRITE 1234 00:1c:5678 0 EOF", /* waits for it */
        "1: POSIX  ADVISORY  WRITE 1234 00:1c:5678 0 EOF",
        "1: OFDLCK ADVISORY  WRITE -1 00:1c:5678 0 EOF",
        "1: FLOCK  ADVISORY  WRITE -1 00:1c:5678 0 EOF",
        "1: FLOCK  ADVISORY  WRITE 1234 <none>:0 0 EOF",
        "1: FLOCK  ADVISORY  WRITE",
        "",
        "\n",
    };
    struct stat file = file_of(0, 0x1c, 5678);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(locks_parse(others[i], &file), 0);
}

static void locks_asks_the_kernel(void **state)
{
    (void)state;
    char path[] = "/tmp/trafficctl-unit-XXXXXX";
    _cleanup_fd_ int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    struct stat file;
    assert_int_equal(fstat(fd, &file), 0);

    pid_t holder = 7;
    assert_int_equal(locks_holder(&file, &holder), 0);
    assert_int_equal(holder, 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(locks_holder(&file, &holder), 0);
    assert_int_equal(holder, getpid());
}

#define OTHERS 40

/* The kernel has a list for each CPU that locks were taken on, and tells them one after the other. */
static void run_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Others' locks, taken one after the other and let go one after the other. */
static _Noreturn void churn(const char *path)
{
    int fds[OTHERS];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_on(0);
    for (;;) {
        for (int i = 0; i < OTHERS; i++) {
            fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            unlink(path);
            flock(fds[i], LOCK_EX);
        }
        for (int i = 0; i < OTHERS; i++)
            close(fds[i]);
    }
}

static void locks_are_found_among_many_that_come_and_go(void **state)
{
    (void)state;
    char path[] = "/tmp/trafficctl-unit-XXXXXX", other[sizeof(path) + 8];
    _cleanup_fd_ int fd = mkstemp(path);
    struct stat file;
    pid_t holder = 0;

    assert_true(fd >= 0);
    snprintf(other, sizeof(other), "%s.other", path);
    assert_int_equal(fstat(fd, &file), 0);
    run_on((int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    pid_t child = fork();
    if (child == 0)
        churn(other);
    int missed = 0;
    for (int i = 0; i < 3000; i++)
        missed += locks_holder(&file, &holder) < 0 || holder != getpid();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(other);
    unlink(path);
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_finds_the_holder),
        cmocka_unit_test(locks_passes_over_other_lines),
        cmocka_unit_test(locks_asks_the_kernel),
        cmocka_unit_test(locks_are_found_among_many_that_come_and_go),
    };
    return unit_run(tests);
}
