/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "pins.h"

int state_map(int map_fd, struct tctl_state **ret_state)
{
    struct tctl_state *state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (state == MAP_FAILED)
        return -errno;
    *ret_state = state;
    return 0;
}

struct tctl_state *state_unmap(struct tctl_state *state)
{
    if (state)
        munmap(state, sizeof(*state));
    return NULL;
}

int state_read(int map_fd, struct tctl_state *ret_state)
{
    __u32 entry = 0;
    return bpf_map_lookup_elem(map_fd, &entry, ret_state);
}

bool state_is_file(const char *place)
{
    _cleanup_free_ char *path = NULL;
    struct statfs system;
    return pins_path(place, PIN_STATE, &path) == 0 && statfs(path, &system) == 0 && system.f_type != BPF_FS_MAGIC;
}

int state_own_file(const char *place, gid_t group)
{
    _cleanup_free_ char *path = NULL;
    int r = pins_path(place, PIN_STATE, &path);
    return r < 0 ? r : lchown(path, 0, group) < 0 ? -errno : 0;
}

/* Readers map nothing of it, but whoever maps what is too short, or has no room yet, gets SIGBUS. */
static int make_file(const char *path, gid_t group, int *ret_fd)
{
    _cleanup_fd_ int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchown(fd, 0, group) < 0 || fchmod(fd, 0640) < 0 || ftruncate(fd, sizeof(struct tctl_state)) < 0)
        return -errno;
    int r = -posix_fallocate(fd, 0, sizeof(struct tctl_state));
    if (r < 0)
        return r;
    *ret_fd = fd_take(&fd);
    return 0;
}

int state_make_file(const char *place, gid_t group, struct tctl_state **ret_state)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_fd_ int fd = -1;
    int r = pins_path(place, PIN_STATE, &path);
    if (r == 0)
        r = make_file(path, group, &fd);
    return r < 0 ? r : state_map(fd, ret_state);
}

static int read_file(const char *place, struct tctl_state *ret_state)
{
    _cleanup_free_ char *path = NULL;
    struct tctl_state state;
    int r = pins_path(place, PIN_STATE, &path);
    if (r < 0)
        return r;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, &state, sizeof(state), 0);
    if (got < 0)
        return -errno;
    if (got != sizeof(state))
        return got == 0 ? -ENOENT : -EPROTO;
    *ret_state = state;
    return 0;
}

int state_read_pinned(const char *place, struct tctl_state *ret_state)
{
    _cleanup_fd_ int fd = -1;
    if (state_is_file(place))
        return read_file(place, ret_state);
    int r = pins_open_map(place, PIN_STATE, false, &fd);
    return r < 0 ? r : state_read(fd, ret_state);
}

int state_check_version(const char *bpffs)
{
    struct tctl_state state = {0};
    int r = state_read_pinned(bpffs, &state);
    if (r < 0)
        return r;
    return state.abi_version == state_version(state.percpu) ? 0 : -EPROTO;
}
