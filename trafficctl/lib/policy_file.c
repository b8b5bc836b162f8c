/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "policy_text.h"
#include "trusted.h"

/* Is it a file that nobody but root and the caller can have written? */
static int check_file(const char *path, int fd, struct fault *fault)
{
    struct stat file;
    if (fstat(fd, &file) < 0)
        return fault_set(fault, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(file.st_mode))
        return fault_set(fault, -EBADMSG, "%s: not a plain file", path);
    if (file.st_uid != 0 && file.st_uid != geteuid())
        return fault_set(fault, -EBADMSG, "%s: belongs to UID %u: chown it to root if its rules are yours", path,
                         file.st_uid);
    if (file.st_mode & (S_IWGRP | S_IWOTH))
        return fault_set(fault, -EBADMSG,
                         "%s: others may write to it (mode %04o): chmod it to 0600 if its rules are yours", path,
                         file.st_mode & 07777);
    return 0;
}

/* Who has asked for something, and finds nothing, has lost it: nobody asks for nothing by taking one of both away. */
static int refuse_missing(const char *path, struct fault *fault)
{
    _cleanup_free_ char *good = NULL;
    if (asprintf(&good, "%s" POLICY_FILE_GOOD, path) < 0) {
        good = NULL;
        return -ENOMEM;
    }
    if (access(good, F_OK) < 0)
        return fault_set(fault, -ENOENT, "%s: %s", path, strerror(ENOENT));
    return fault_set(fault, -EBADMSG, "%s: it is not there, though %s is: copy that back, or remove it too", path,
                     good);
}

/* Neither follows a link nor waits for the other end of a FIFO. */
static int open_file(const char *path, int *ret_fd, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return check_file(path, fd, fault);
    }
    if (errno == ELOOP)
        return fault_set(fault, -EBADMSG, "%s: a symbolic link: name the file itself", path);
    if (errno == ENXIO)
        return fault_set(fault, -EBADMSG, "%s: not a plain file", path);
    if (errno == ENOENT)
        return refuse_missing(path, fault);
    return fault_set(fault, -errno, "%s: %s", path, strerror(errno));
}

int policy_file_read(const char *path, struct policy *ret_policy, struct fault *fault)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_free_ char *text = NULL;
    size_t length;
    int r = trusted_place(path, fault); /* also where there is no file: others could have taken it away */
    if (r == 0)
        r = open_file(path, &fd, fault);
    if (r < 0)
        return r;
    r = fd_read_all(fd, POLICY_FILE_MAX, &text, &length);
    if (r == -EFBIG)
        return fault_set(fault, -EBADMSG, "%s: longer than %d bytes", path, POLICY_FILE_MAX);
    if (r < 0)
        return fault_set(fault, r, "%s: %s", path, strerror(-r));
    return policy_text_parse(path, text, length, ret_policy, fault);
}

/* The file's place: folder_fd and name are for calls that end in "at". */
struct place {
    const char *path;
    const char *name; /* in path */
    char *folder;
    char *beside; /* name of the new file */
    int folder_fd;
};
#define NEW ".new"

static void place_done(struct place *place)
{
    free(place->folder);
    free(place->beside);
    fd_closep(&place->folder_fd);
}

static int sync_folder(int fd)
{
    /* EINVAL: a file system that keeps no folders anywhere */
    return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

/* A folder that was made outlives a crash once the one that it is in is written. */
static int make_folder(struct place *place)
{
    if (mkdir(place->folder, 0755) < 0)
        return errno == EEXIST ? 0 : -errno;
    _cleanup_fd_ int fd = open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0755) < 0)
        return -errno;
    _cleanup_fd_ int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return parent < 0 ? -errno : sync_folder(parent);
}

/* End with place_done(), also after a failure. */
static int place_find(const char *path, struct place *place)
{
    const char *slash = strrchr(path, '/');
    *place = (struct place){.path = path, .name = slash ? slash + 1 : path, .folder_fd = -1};
    place->folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (asprintf(&place->beside, "%s" NEW, place->name) < 0)
        place->beside = NULL;
    if (!place->folder || !place->beside)
        return -ENOMEM;
    int r = make_folder(place);
    if (r < 0)
        return r;
    place->folder_fd = open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return place->folder_fd < 0 ? -errno : 0;
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Whoever was killed here left a new file behind. */
static int write_beside(const struct place *place, const char *text, size_t length)
{
    if (unlinkat(place->folder_fd, place->beside, 0) < 0 && errno != ENOENT)
        return -errno;
    _cleanup_fd_ int fd = openat(place->folder_fd, place->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, text, length);
    return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int replace(const struct place *place, const char *text, size_t length, struct fault *fault)
{
    int r = write_beside(place, text, length);
    if (r == 0 && renameat(place->folder_fd, place->beside, place->folder_fd, place->name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(place->folder_fd, place->beside, 0);
        return fault_set(fault, r, "%s cannot be written: %s", place->path, strerror(-r));
    }
    r = sync_folder(place->folder_fd);
    return r < 0 ? fault_set(fault, r, "%s is written but may not outlive a crash: %s", place->path, strerror(-r)) : 0;
}

int policy_file_write(const char *path, const struct policy *policy, struct fault *fault)
{
    _cleanup_free_ char *text = NULL;
    size_t length;
    int r = policy_text_print(policy, &text, &length, fault);
    if (r < 0)
        return r;
    if (length > POLICY_FILE_MAX)
        return fault_set(fault, -EFBIG, "the policy is longer than %d bytes", POLICY_FILE_MAX);

    r = trusted_place(path, fault);
    if (r < 0)
        return r;
    _cleanup_(place_done) struct place place;
    r = place_find(path, &place);
    if (r < 0)
        return fault_set(fault, r, "the folder of %s cannot be used: %s", path, strerror(-r));
    return replace(&place, text, length, fault);
}

int policy_file_remove(const char *path, struct fault *fault)
{
    _cleanup_(place_done) struct place place;
    int r = place_find(path, &place);
    if (r == 0 && unlinkat(place.folder_fd, place.name, 0) < 0 && errno != ENOENT)
        r = -errno;
    if (r == 0)
        r = sync_folder(place.folder_fd);
    return r < 0 ? fault_set(fault, r, "%s cannot be removed: %s", path, strerror(-r)) : 0;
}
