/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "trusted.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

/* In a folder with the sticky bit everybody may make files, but nobody touches another one's. */
static int check_folder(const char *path, const char *name, const struct stat *folder, struct fault *fault)
{
    if (folder->st_uid != 0 && folder->st_uid != geteuid())
        return fault_set(fault, -EBADMSG, "%s: %s belongs to UID %u, who could put anything there: chown it to root",
                         path, name, folder->st_uid);
    if (folder->st_mode & (S_IWGRP | S_IWOTH) && !(folder->st_mode & S_ISVTX))
        return fault_set(fault, -EBADMSG, "%s: others may write to %s (mode %04o): chmod it to 0755", path, name,
                         folder->st_mode & 07777);
    return 0;
}

/* The folders that lead to place, each by its name. path is how the fault calls it. */
static int check_way(const char *path, const char *place, struct fault *fault)
{
    for (const char *slash = strchr(place, '/'); slash; slash = strchr(slash + 1, '/')) {
        _cleanup_free_ char *name = slash == place ? strdup("/") : strndup(place, (size_t)(slash - place));
        struct stat folder;
        if (!name)
            return -ENOMEM;
        if (stat(name, &folder) < 0)
            return errno == ENOENT ? 0 : fault_set(fault, -errno, "%s: %s: %s", path, name, strerror(errno));
        int r = check_folder(path, name, &folder, fault);
        if (r < 0)
            return r;
    }
    return 0;
}

int trusted_place(const char *path, struct fault *fault)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
    if (!folder)
        return -ENOMEM;
    int r = check_way(path, folder, fault);
    if (r < 0)
        return r;
    char real[PATH_MAX + 1];
    if (!realpath(folder, real))
        return errno == ENOENT ? 0 : fault_set(fault, -errno, "%s: %s", path, strerror(errno));
    return check_way(path, strcat(real, "/"), fault);
}
