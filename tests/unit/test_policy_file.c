/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "policies.h"
#include "policy_file.h"

#define EMPTY "trafficctl policy 1\nend\n"

static char folder[] = "/tmp/test_policy_file.XXXXXX", path[64], beside[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/policy", folder);
    snprintf(beside, sizeof(beside), "%s/policy.new", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void put_bytes(const char *file, const char *bytes, size_t length)
{
    _cleanup_fd_ int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
}

static void put(const char *text)
{
    put_bytes(path, text, strlen(text));
}

static void assert_holds(const char *text)
{
    _cleanup_free_ char *held = NULL;
    assert_int_equal(fd_read_file(path, 10000, &held), 0);
    assert_string_equal(held, text);
}

static void refuses_path(const char *file, const char *why)
{
    struct policy policy;
    struct fault fault = {0};
    alarm(20); /* whoever waits here does so forever */
    assert_int_equal(policy_file_read(file, &policy, &fault), -EBADMSG);
    alarm(0);
    if (strncmp(fault.text, file, strlen(file)) != 0 || !strstr(fault.text, why))
        fail_msg("'%s', not '%s:...%s'", fault.text, file, why);
}

static void refuses(const char *why)
{
    refuses_path(path, why);
}

static void takes(struct policy *ret_policy)
{
    struct fault fault = {0};
    if (policy_file_read(path, ret_policy, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void file_reads_back_what_was_written(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        _cleanup_(policy_done) struct policy policy = {0}, again = {0};
        struct fault fault = {0};
        policies_random(&policy);
        assert_int_equal(policy_file_write(path, &policy, &fault), 0);
        takes(&again);
        policies_assert_equal(&policy, &again);
    }
    assert_int_equal(access(beside, F_OK), -1);
}

static void file_that_is_not_there_is_no_policy(void **state)
{
    (void)state;
    struct policy policy;
    struct fault fault = {0};
    assert_int_equal(policy_file_read(path, &policy, &fault), -ENOENT);
    strcat(path, "/below");
    assert_int_equal(policy_file_read(path, &policy, &fault), -ENOENT);
}

static void file_that_is_torn_is_refused_with_its_line(void **state)
{
    (void)state;
    char where[100];
    snprintf(where, sizeof(where), "%s:2: no line 'end' follows", path);
    put("trafficctl policy 1\nenable dozable\n");
    refuses(where);
    snprintf(where, sizeof(where), "%s:1: ", path);
    put("");
    refuses(where);
    static const char zeroes[4096];
    put_bytes(path, zeroes, sizeof(zeroes)); /* what some file systems leave behind after a crash */
    refuses(where);
}

static void file_that_others_can_have_written_is_refused(void **state)
{
    (void)state;
    static const mode_t bad[] = {0620, 0602, 0666, 0777}, good[] = {0400, 0600, 0644, 0755};
    put(EMPTY);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(chmod(path, bad[i]), 0);
        refuses("others may write to it");
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct policy policy;
        assert_int_equal(chmod(path, good[i]), 0);
        takes(&policy);
    }
}

static void file_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: to give a file away\n");
        skip();
    }
    put(EMPTY);
    assert_int_equal(chown(path, 10001, 0), 0);
    refuses("belongs to UID 10001");
    assert_int_equal(chown(path, 0, 10001), 0);
    struct policy policy;
    takes(&policy);
}

static void file_is_a_plain_one(void **state)
{
    (void)state;
    char link[64], fifo[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(link, sizeof(link), "%s/link", folder);
    snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    put(EMPTY);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);

    refuses_path(link, "a symbolic link");
    assert_int_equal(unlink(path), 0);
    refuses_path(link, "a symbolic link"); /* one to nowhere is no missing policy */
    refuses_path(fifo, "not a plain file");
    refuses_path(address.sun_path, "not a plain file");
    refuses_path(folder, "not a plain file");
    refuses_path("/dev/zero", "not a plain file");
}

/* A policy of that many bytes, by comments. */
static void put_long(size_t length)
{
    static const char first[] = "trafficctl policy 1\n", end[] = "end\n";
    _cleanup_free_ char *text = malloc(length);
    size_t at = sizeof(first) - 1;
    memset(text, '#', length);
    memcpy(text, first, at);
    for (at += 99; at < length - 4; at += 100)
        text[at] = '\n';
    text[length - 5] = '\n';
    memcpy(text + length - 4, end, 4);
    put_bytes(path, text, length);
}

static void file_has_a_largest_size(void **state)
{
    (void)state;
    struct policy policy;
    put_long(POLICY_FILE_MAX);
    takes(&policy);
    put_long(POLICY_FILE_MAX + 1);
    refuses("longer than 16777216 bytes");
}

static void file_is_never_written_longer_than_it_is_read(void **state)
{
    (void)state;
    enum { MANY = POLICY_FILE_MAX / 30 };
    _cleanup_(policy_done) struct policy policy = {0};
    struct fault fault = {0};
    put(EMPTY);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(policy_uids_set(&policy.listed[TCTL_METERED_DENY_ADMIN], 4000000000 + i, true), 0);
    assert_int_equal(policy_file_write(path, &policy, &fault), -EFBIG);
    assert_holds(EMPTY);
}

/* What a write asked of the kernel, and which of it is to fail. */
static char asked[200];
static const char *failing = "";

static int ask(const char *what)
{
    snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%s; ", what);
    errno = EIO;
    return strcmp(what, failing) == 0 ? -1 : 0;
}

/* These stand before libc's, for the library too. */
int fsync(int fd)
{
    struct stat file;
    fstat(fd, &file);
    return ask(S_ISDIR(file.st_mode) ? "sync folder" : "sync file") < 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return ask("rename") < 0 ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

static int write_lockdown(uint32_t uid, struct fault *fault)
{
    _cleanup_(policy_done) struct policy policy = {0};
    assert_int_equal(policy_uids_set(&policy.lockdown, uid, true), 0);
    asked[0] = '\0';
    return policy_file_write(path, &policy, fault);
}

#define LOCKDOWN_5 "trafficctl policy 1\nlockdown 5\nend\n"

static void file_is_on_disk_before_it_takes_the_place(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_int_equal(write_lockdown(5, &fault), 0);
    assert_string_equal(asked, "sync file; rename; sync folder; ");
    assert_holds(LOCKDOWN_5);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode, S_IFREG | 0600);
}

static void file_stays_when_a_new_one_cannot_be_put_on_disk(void **state)
{
    (void)state;
    static const char *const steps[] = {"sync file", "rename"};
    put(EMPTY);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct fault fault = {0};
        failing = steps[i];
        int r = write_lockdown(5, &fault);
        failing = "";
        assert_int_equal(r, -EIO);
        assert_non_null(strstr(fault.text, path));
        assert_holds(EMPTY);
        assert_int_equal(access(beside, F_OK), -1);
    }
}

static void file_that_may_not_outlive_a_crash_is_said_to(void **state)
{
    (void)state;
    struct fault fault = {0};
    put(EMPTY);
    failing = "sync folder";
    int r = write_lockdown(5, &fault);
    failing = "";
    assert_int_equal(r, -EIO);
    assert_non_null(strstr(fault.text, "may not outlive a crash"));
    assert_holds(LOCKDOWN_5);
}

static void file_that_is_removed_is_so_after_a_crash(void **state)
{
    (void)state;
    struct fault fault = {0};
    put(EMPTY);
    for (int i = 0; i < 2; i++) { /* none is fine */
        asked[0] = '\0';
        assert_int_equal(policy_file_remove(path, &fault), 0);
        assert_string_equal(asked, "sync folder; ");
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void file_stays_when_a_new_one_does_not_fit(void **state)
{
    (void)state;
    struct rlimit old, limit;
    put(EMPTY);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes = 0; bytes < strlen(LOCKDOWN_5); bytes++) {
        struct fault fault = {0};
        limit = (struct rlimit){bytes, old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        int r = write_lockdown(5, &fault);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(r, -EFBIG);
        assert_holds(EMPTY);
        assert_int_equal(access(beside, F_OK), -1);
    }
    signal(SIGXFSZ, SIG_DFL);
}

static void fill_up(void)
{
    static const char rest[16384];
    char filler[64];
    snprintf(filler, sizeof(filler), "%s/filler", folder);
    _cleanup_fd_ int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, rest, sizeof(rest)) > 0)
        ;
}

/* In a child with a full, then a read-only file system at the folder. Returns its exit status: 0, or what is wrong. */
static int write_without_room(void)
{
    struct fault fault = {0};
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", folder, "tmpfs", 0, "size=16k") < 0 || write_lockdown(5, &fault) < 0)
        return 1;
    fill_up();
    if (write_lockdown(6, &fault) != -ENOSPC || !strstr(fault.text, "No space left"))
        return 2;
    if (mount("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0 || write_lockdown(6, &fault) != -EROFS)
        return 3;
    _cleanup_free_ char *held = NULL;
    return fd_read_file(path, 1000, &held) < 0 || strcmp(held, LOCKDOWN_5) != 0 ? 4 : 0;
}

static void file_stays_on_a_full_or_read_only_file_system(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: to mount a file system that is full\n");
        skip();
    }
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(write_without_room());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void file_that_a_killed_writer_left_is_in_nobodys_way(void **state)
{
    (void)state;
    struct fault fault = {0};
    char victim[64];
    snprintf(victim, sizeof(victim), "%s/victim", folder);
    put_bytes(beside, "trafficctl pol", 14);
    assert_int_equal(write_lockdown(5, &fault), 0);
    assert_holds(LOCKDOWN_5);

    put_bytes(victim, EMPTY, strlen(EMPTY));
    assert_int_equal(symlink(victim, beside), 0);
    assert_int_equal(write_lockdown(6, &fault), 0);
    _cleanup_free_ char *held = NULL;
    assert_int_equal(fd_read_file(victim, 1000, &held), 0);
    assert_string_equal(held, EMPTY);
}

static void file_folder_is_made(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct stat made;
    mode_t old = umask(077);
    char below[40];
    snprintf(below, sizeof(below), "%s/below", folder);
    snprintf(path, sizeof(path), "%s/policy", below);
    int r = write_lockdown(5, &fault);
    umask(old);
    assert_int_equal(r, 0);
    assert_string_equal(asked, "sync folder; sync file; rename; sync folder; ");
    assert_holds(LOCKDOWN_5);
    assert_int_equal(stat(below, &made), 0);
    assert_int_equal(made.st_mode, S_IFDIR | 0755);
}

static void file_folder_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    struct fault fault = {0};
    snprintf(path, sizeof(path), "%s/not/there/policy", folder);
    assert_int_equal(write_lockdown(5, &fault), -ENOENT);
    assert_non_null(strstr(fault.text, "the folder of"));
    snprintf(path, sizeof(path), "%s/policy", folder);
    put(EMPTY);
    strcat(path, "/policy");
    assert_int_equal(write_lockdown(5, &fault), -ENOTDIR);
    assert_int_equal(mkdir(beside, 0700), 0);
    snprintf(path, sizeof(path), "%s/policy", folder);
    assert_int_equal(write_lockdown(5, &fault), -EISDIR);
    assert_holds(EMPTY);
}

static void file_name_may_be_relative(void **state)
{
    (void)state;
    struct fault fault = {0};
    _cleanup_fd_ int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(folder), 0);
    strcpy(path, "policy");
    int r = write_lockdown(5, &fault);
    assert_int_equal(fchdir(home), 0);
    snprintf(path, sizeof(path), "%s/policy", folder);
    assert_int_equal(r, 0);
    assert_holds(LOCKDOWN_5);
}

/* A reader beside a writer finds one of both policies, whole, every time. */
static void file_is_the_old_or_the_new_one_to_whoever_reads(void **state)
{
    (void)state;
    struct policy policies[2] = {0};
    struct fault fault = {0};
    policies_random(&policies[0]);
    policies_random(&policies[1]);
    policies[0].switched = TCTL_BIT(1);
    policies[1].switched = TCTL_BIT(2);
    assert_int_equal(policy_file_write(path, &policies[0], &fault), 0);
    pid_t writer = fork();
    if (writer == 0) {
        int r = 0;
        for (int i = 0; i < 200 && r == 0; i++)
            r = policy_file_write(path, &policies[i % 2], &fault);
        _exit(-r);
    }
    int status;
    while (waitpid(writer, &status, WNOHANG) == 0) {
        _cleanup_(policy_done) struct policy policy = {0};
        takes(&policy);
        policies_assert_equal(&policy, &policies[policy.switched == TCTL_BIT(1) ? 0 : 1]);
    }
    assert_int_equal(status, 0);
    policy_done(&policies[0]);
    policy_done(&policies[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_reads_back_what_was_written),
        TEST(file_that_is_not_there_is_no_policy),
        TEST(file_that_is_torn_is_refused_with_its_line),
        TEST(file_that_others_can_have_written_is_refused),
        TEST(file_of_another_user_is_refused),
        TEST(file_is_a_plain_one),
        TEST(file_has_a_largest_size),
        TEST(file_is_never_written_longer_than_it_is_read),
        TEST(file_is_on_disk_before_it_takes_the_place),
        TEST(file_stays_when_a_new_one_cannot_be_put_on_disk),
        TEST(file_that_may_not_outlive_a_crash_is_said_to),
        TEST(file_that_is_removed_is_so_after_a_crash),
        TEST(file_stays_when_a_new_one_does_not_fit),
        TEST(file_stays_on_a_full_or_read_only_file_system),
        TEST(file_that_a_killed_writer_left_is_in_nobodys_way),
        TEST(file_folder_is_made),
        TEST(file_folder_that_cannot_be_is_an_error),
        TEST(file_name_may_be_relative),
        TEST(file_is_the_old_or_the_new_one_to_whoever_reads),
    };

    return unit_run(tests);
}
