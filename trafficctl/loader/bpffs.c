/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "bpffs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "lock.h"
#include "mounts.h"

static void closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static bool is_empty(const char *path)
{
    _cleanup_(closedirp) DIR *dir = opendir(path);
    if (!dir)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

static bool is_mount_point(const char *path)
{
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_TYPE, &status) < 0)
        return false;
    return status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static int foreign(const char *dir, struct fault *fault)
{
    _cleanup_free_ char *type = NULL;
    mounts_type_of(dir, &type);
    return fault_set(fault, -EMEDIUMTYPE,
                     "%s is on a file system of type %s, not a bpffs: mount one there (mount -t bpf bpf %s) or name "
                     "another directory with --bpffs",
                     dir, type ? type : "unknown", dir);
}

int bpffs_check(const char *dir, struct fault *fault)
{
    struct statfs status;
    if (statfs(dir, &status) < 0)
        return fault_set(fault, -errno, "%s: %s; name a directory for the pins with --bpffs", dir, strerror(errno));
    return status.f_type == BPF_FS_MAGIC ? 0 : foreign(dir, fault);
}

static int mount_bpffs(const char *dir, struct undo *undo, struct fault *fault)
{
    int r = undo_plan(undo, UNDO_UNMOUNT, dir, -1, -1, NULL);
    if (r < 0)
        return r;
    if (mount("bpf", dir, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
        if (errno == EPERM || errno == EACCES)
            return fault_set(fault, -EPERM, "no bpffs is mounted at %s, and mounting one needs CAP_SYS_ADMIN", dir);
        if (errno == ENODEV)
            return fault_set(fault, -ENOTSUP, "this kernel has no bpffs (CONFIG_BPF_SYSCALL)");
        return fault_set(fault, -errno, "cannot mount a bpffs at %s: %s", dir, strerror(errno));
    }
    undo_arm(undo);
    return 0;
}

bool bpffs_is_missing(const char *dir)
{
    struct statfs status;
    return statfs(dir, &status) == 0 && status.f_type != BPF_FS_MAGIC && is_empty(dir) && !is_mount_point(dir);
}

/* Under the lock of the directory below: two starts at once would each mount their own and attach their own programs.
 */
static int mount_once(const char *dir, struct undo *undo, struct fault *fault)
{
    _cleanup_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, -errno, "%s: %s", dir, strerror(errno));
    int r = lock_wait(fd, fault);
    return r < 0 || !bpffs_is_missing(dir) ? r : mount_bpffs(dir, undo, fault);
}

int bpffs_prepare(const char *dir, struct undo *undo, struct fault *fault)
{
    int r = bpffs_is_missing(dir) ? mount_once(dir, undo, fault) : 0;
    return r < 0 ? r : bpffs_check(dir, fault);
}

int bpffs_own(const char *path, uid_t uid, gid_t gid, mode_t mode, struct undo *undo, struct fault *fault)
{
    struct undo_step *step;
    int r = undo_plan(undo, UNDO_OWNER, path, -1, -1, &step);
    if (r < 0)
        return r;
    if (stat(path, &step->old) < 0)
        return fault_set(fault, -errno, "%s: %s", path, strerror(errno));
    if (step->old.st_uid == uid && step->old.st_gid == gid && (step->old.st_mode & 07777) == mode)
        return 0;

    undo_arm(undo);
    if (chown(path, uid, gid) < 0)
        return fault_set(fault, -errno, "cannot give %s to group %u: %s (needs CAP_CHOWN)", path, (unsigned)gid,
                         strerror(errno));
    if (chmod(path, mode) < 0)
        return fault_set(fault, -errno, "cannot set the mode of %s: %s (needs CAP_FOWNER)", path, strerror(errno));
    return 0;
}

int bpffs_open_root(const char *dir, struct undo *undo, struct fault *fault)
{
    struct stat status;
    if (stat(dir, &status) < 0)
        return fault_set(fault, -errno, "%s: %s", dir, strerror(errno));
    return bpffs_own(dir, status.st_uid, status.st_gid, (status.st_mode & 07777) | 0011, undo, fault);
}

int bpffs_mkdir(const char *path, mode_t mode, struct undo *undo, struct fault *fault)
{
    int r = undo_plan(undo, UNDO_RMDIR, path, -1, -1, NULL);
    if (r < 0)
        return r;
    if (mkdir(path, mode) < 0)
        return errno == EEXIST ? 0 : fault_set(fault, -errno, "cannot make %s: %s", path, strerror(errno));
    undo_arm(undo);
    if (chmod(path, mode) < 0)
        return fault_set(fault, -errno, "cannot set the mode of %s: %s", path, strerror(errno));
    return 0;
}
