/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cgroup.h"

#include <cgroup_tree.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "fd.h"
#include "mounts.h"

static int make_dir(const char *path, struct undo *undo, struct fault *fault)
{
    int r = undo_plan(undo, UNDO_RMDIR, path, -1, -1, NULL);
    if (r < 0)
        return r;
    if (mkdir(path, 0755) == 0)
        undo_arm(undo);
    else if (errno != EEXIST)
        return fault_set(fault, -errno, "cannot make %s for cgroup2: %s", path, strerror(errno));
    return 0;
}

static int mount_own(struct undo *undo, struct fault *fault)
{
    int r = make_dir("/run/trafficctl", undo, fault);
    if (r == 0)
        r = make_dir(CGROUP_OWN_MOUNT, undo, fault);
    if (r == 0)
        r = undo_plan(undo, UNDO_UNMOUNT, CGROUP_OWN_MOUNT, -1, -1, NULL);
    if (r < 0)
        return r;
    if (mount("cgroup2", CGROUP_OWN_MOUNT, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        if (errno == EPERM || errno == EACCES)
            return fault_set(fault, -EPERM, "no cgroup2 is mounted, and mounting one needs CAP_SYS_ADMIN");
        if (errno == ENODEV)
            return fault_set(fault, -ENOTSUP, "this kernel has no cgroup2 (CONFIG_CGROUPS)");
        return fault_set(fault, -errno, "cannot mount cgroup2 at %s: %s", CGROUP_OWN_MOUNT, strerror(errno));
    }
    undo_arm(undo);
    return 0;
}

static int find(struct undo *undo, char **ret_dir, struct fault *fault)
{
    int r = mounts_find("cgroup2", ret_dir);
    if (r != -ENOENT)
        return r;
    r = mount_own(undo, fault);
    if (r < 0)
        return r;
    *ret_dir = strdup(CGROUP_OWN_MOUNT);
    return *ret_dir ? 0 : -ENOMEM;
}

static int check_type(const char *dir, int fd, struct fault *fault)
{
    struct statfs status;
    if (fstatfs(fd, &status) < 0)
        return fault_set(fault, -errno, "%s: %s", dir, strerror(errno));
    if (status.f_type == CGROUP2_SUPER_MAGIC)
        return 0;
    _cleanup_free_ char *type = NULL;
    mounts_type_of(dir, &type);
    return fault_set(fault, -EMEDIUMTYPE,
                     "%s is on a file system of type %s, not a cgroup2: name a directory of cgroup2", dir,
                     type ? type : "unknown");
}

int cgroup_open(const char *dir, struct undo *undo, int *ret_fd, uint64_t *ret_id, struct fault *fault)
{
    _cleanup_free_ char *found = NULL;
    int r = dir ? 0 : find(undo, &found, fault);
    if (r < 0)
        return r;
    dir = dir ? dir : found;

    _cleanup_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, -errno, "control group %s: %s", dir, strerror(errno));
    r = check_type(dir, fd, fault);
    if (r < 0)
        return r;
    uint64_t id = 0;
    r = cgroup_tree_id(fd, &id);
    if (r < 0)
        return fault_set(fault, r, "cannot learn the number of control group %s: %s", dir, strerror(-r));
    *ret_fd = fd_take(&fd);
    *ret_id = id;
    return 0;
}
