/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* File systems that a start looks for, in mount namespaces made for it. Root. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"
#include "cleanup.h"
#include "fd.h"
#include "mounts.h"
#include "surroundings.h"

static int leave(void)
{
    return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0;
}

static int unmount_all_cgroup2(void)
{
    char *path = NULL;
    int r;
    while ((r = mounts_find("cgroup2", &path)) == 0) {
        r = umount2(path, MNT_DETACH);
        free(path);
        if (r < 0)
            return 1;
    }
    return r != -ENOENT;
}

static int find_cgroup(void *context)
{
    (void)context;
    struct undo undo = {0};
    uint64_t id = 0, again = 0;
    _cleanup_fd_ int fd = -1;
    _cleanup_fd_ int second = -1;
    if (leave() || unmount_all_cgroup2() || mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
        return 2;
    /* The first mounts it, the second finds it. */
    if (cgroup_open(NULL, &undo, &fd, &id, NULL) < 0 || id == 0)
        return 3;
    if (cgroup_open(NULL, &undo, &second, &again, NULL) < 0 || again != id)
        return 4;
    _cleanup_free_ char *path = NULL;
    if (mounts_find("cgroup2", &path) < 0 || strcmp(path, CGROUP_OWN_MOUNT) != 0)
        return 5;
    undo_all(&undo);
    return access("/run/trafficctl", F_OK) == 0 ? 6 : 0;
}

static void cgroup_is_mounted_where_nobody_did(void **state)
{
    (void)state;
    assert_int_equal(surroundings_wait(surroundings_fork(find_cgroup, NULL)), 0);
}

static int mount_blank(void *context)
{
    char path[PATH_MAX], below[PATH_MAX], beside[PATH_MAX];
    _cleanup_free_ char *type = NULL, *outer = NULL;
    snprintf(path, sizeof(path), "%s/a b\\c", (const char *)context);
    snprintf(below, sizeof(below), "%s/a b\\c/below", (const char *)context);
    snprintf(beside, sizeof(beside), "%s/a b\\cd", (const char *)context);
    if (leave() || mount("tmpfs", context, "tmpfs", 0, NULL) < 0 || mkdir(path, 0700) < 0 || mkdir(beside, 0700) < 0)
        return 2;
    if (mount("proc", path, "ramfs", 0, NULL) < 0 || mkdir(below, 0700) < 0)
        return 3;
    if (mounts_type_of(below, &type) < 0 || strcmp(type, "ramfs") != 0)
        return 4;
    return mounts_type_of(beside, &outer) < 0 || strcmp(outer, "tmpfs") != 0 ? 5 : 0;
}

static void mounts_tell_the_type_below_strange_names(void **state)
{
    (void)state;
    char path[] = "/tmp/trafficctl-mounts-XXXXXX";
    assert_non_null(mkdtemp(path));
    int status = surroundings_wait(surroundings_fork(mount_blank, path));
    assert_return_code(rmdir(path), errno);
    assert_int_equal(status, 0);
}

static void mounts_miss_what_is_not_mounted(void **state)
{
    (void)state;
    char *path = NULL;
    assert_int_equal(mounts_find("no_such_type", &path), -ENOENT);
    assert_null(path);
    assert_int_equal(mounts_type_of("/no/such/path", &path), -ENOENT);
    assert_null(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cgroup_is_mounted_where_nobody_did),
        cmocka_unit_test(mounts_tell_the_type_below_strange_names),
        cmocka_unit_test(mounts_miss_what_is_not_mounted),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: mounts", tests, NULL, NULL);
}
