/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cgroup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "effective.h"
#include "fd.h"
#include "mounts.h"

/* A handle of kernfs is the number of its node; linux/exportfs.h is the kernel's own. */
#define KERNFS_HANDLE 0xfe

/* The group above everything, whose sockets need not be looked for. */
#define ROOT_ID 1

union handle {
    struct file_handle head;
    unsigned char bytes[sizeof(struct file_handle) + sizeof(uint64_t)];
};

static uint64_t handle_id(const union handle *handle)
{
    uint64_t id;
    memcpy(&id, handle->bytes + offsetof(struct file_handle, f_handle), sizeof(id));
    return id;
}

/* Path of what a descriptor refers to. */
static int place_of(int fd, char **ret_place)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return -errno;
    path[length] = '\0';
    *ret_place = strdup(path);
    return *ret_place ? 0 : -ENOMEM;
}

/* The inode number is the same only on 64-bit machines. */
int cgroup_tree_id(int fd, uint64_t *ret_id)
{
    union handle handle = {.head.handle_bytes = sizeof(*ret_id)};
    int mount_id;
    if (name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) < 0)
        return -errno;
    *ret_id = handle_id(&handle);
    return 0;
}

static int find_id(struct cgroup_tree *tree)
{
    struct statfs status;
    if (fstatfs(tree->fd, &status) < 0)
        return -errno;
    if (status.f_type != CGROUP2_SUPER_MAGIC)
        return -EMEDIUMTYPE;
    int r = cgroup_tree_id(tree->fd, &tree->id);
    if (r < 0)
        return r;
    tree->everybody = tree->everybody || tree->id == ROOT_ID;
    return 0;
}

static int find_dir(const char *dir, struct cgroup_tree *tree)
{
    if (!*dir) {
        tree->everybody = true;
        return mounts_find("cgroup2", &tree->dir);
    }
    tree->dir = strdup(dir);
    return tree->dir ? 0 : -ENOMEM;
}

/* dir "": where cgroup2 is mounted. */
static int open_tree(const char *dir, struct cgroup_tree *tree)
{
    *tree = (struct cgroup_tree){.fd = -1};
    int r = find_dir(dir, tree);
    if (r < 0)
        return r;
    tree->fd = open(tree->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->fd < 0)
        return -errno;
    r = find_id(tree);
    return r < 0 ? r : place_of(tree->fd, &tree->place);
}

void cgroup_tree_done(struct cgroup_tree *tree)
{
    free(tree->dir);
    fd_close(tree->fd);
    free(tree->place);
}

int cgroup_tree_configured(const char *bpffs, struct cgroup_tree *tree)
{
    char dir[EFFECTIVE_LEN] = "";
    *tree = (struct cgroup_tree){.fd = -1};
    int r = effective_read(bpffs, "cgroup", dir);
    return r < 0 && r != -ENOENT ? r : open_tree(dir, tree);
}

void cgroup_tree_everybody(struct cgroup_tree *tree)
{
    *tree = (struct cgroup_tree){.fd = -1, .everybody = true};
}

static bool is_below(const char *place, const char *above)
{
    size_t length = strlen(above);
    return strncmp(place, above, length) == 0 && (place[length] == '/' || place[length] == '\0');
}

static int look_up(const struct cgroup_tree *tree, uint64_t id)
{
    union handle handle = {.head = {.handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE}};
    memcpy(handle.bytes + offsetof(struct file_handle, f_handle), &id, sizeof(id));
    _cleanup_fd_ int fd = open_by_handle_at(tree->fd, &handle.head, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    _cleanup_free_ char *place = NULL;
    int r = place_of(fd, &place);
    return place ? is_below(place, tree->place) : r;
}

int cgroup_tree_has(struct cgroup_tree *tree, uint64_t id)
{
    if (tree->everybody || id == tree->id)
        return 1;
    if (id == tree->asked)
        return tree->answer;
    int r = look_up(tree, id);
    tree->asked = id;
    tree->answer = r;
    return r;
}
