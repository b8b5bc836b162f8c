/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <errno.h>
#include <place.h>
#include <state.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "bpffs.h"
#include "calls.h"
#include "cleanup.h"
#include "fd.h"
#include "grow.h"
#include "interfaces.h"
#include "job.h"
#include "loader.h"
#include "lock.h"
#include "unload_nft.h"

/*
 * A link whose last pin goes is cut by the kernel some time later, and so is a program array emptied; who unloads is
 * told when nothing counts any more.
 */
static void detach_links(const char *bpffs)
{
    for (int id = 0; id < PINS; id++) {
        _cleanup_fd_ int fd = -1;
        if (pins[id].kind == PIN_LINK && pins_open(bpffs, id, &fd) == 0)
            bpf_link_detach(fd);
    }
}

static int remove_kind(const char *bpffs, enum pin_kind kind, struct fault *fault)
{
    for (int id = 0; id < PINS; id++) {
        if (pins[id].kind != kind)
            continue;
        _cleanup_free_ char *path = job_path(bpffs, pins[id].path);
        if (!path)
            return -ENOMEM;
        if (unlink(path) < 0 && errno != ENOENT)
            return fault_set(fault, -errno, "cannot remove %s: %s", path, strerror(errno));
    }
    return 0;
}

static int remove_folder(const char *bpffs, const char *below, struct fault *fault)
{
    _cleanup_free_ char *path = job_path(bpffs, below);
    if (!path)
        return -ENOMEM;
    if (rmdir(path) == 0 || errno == ENOENT)
        return 0;
    if (errno == ENOTEMPTY)
        return fault_set(fault, -ENOTEMPTY, "%s holds something that trafficctl did not pin: remove it by hand", path);
    return fault_set(fault, -errno, "cannot remove %s: %s", path, strerror(errno));
}

/* Links first: they are what acts on packets. */
static int remove_pins(const char *bpffs, struct fault *fault)
{
    int left = interfaces_remove(bpffs, fault);
    if (left < 0 && left != -EXDEV)
        return left;
    detach_links(bpffs);
    calls_clear(bpffs);
    int r = remove_kind(bpffs, PIN_LINK, fault);
    if (r == 0)
        r = remove_kind(bpffs, PIN_PROG, fault);
    if (r == 0)
        r = remove_kind(bpffs, PIN_MAP, fault);
    if (r < 0)
        return r;
    aside_clear(bpffs);
    grow_clear(bpffs);
    return left;
}

static int remove_folders(const char *bpffs, struct fault *fault)
{
    int r = remove_folder(bpffs, PINS_MONITORING_DIR, fault);
    if (r == 0)
        r = remove_folder(bpffs, PINS_RUNNING_DIR, fault);
    return r < 0 ? r : remove_folder(bpffs, TCTL_DIR, fault);
}

/* What is left in another network namespace stops nothing. */
static int remove_all(const char *bpffs, struct fault *fault)
{
    if (state_is_file(bpffs)) {
        int r = unload_nft(bpffs, fault);
        return r < 0 ? r : remove_folders(bpffs, fault);
    }
    int left = remove_pins(bpffs, fault);
    int r = left < 0 && left != -EXDEV ? left : remove_folders(bpffs, fault);
    return r < 0 ? r : left;
}

static int unload(const char *bpffs, struct fault *fault)
{
    struct undo undo = {0};
    _cleanup_fd_ int folder = -1, running = -1;
    int r = lock_folder(bpffs, NULL, &folder, fault);
    /* A start makes the folder before anything else: without it, pins of netd's names are somebody else's. */
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = lock_running(bpffs, "stop it first", &undo, &running, fault);
    if (r == 0)
        r = remove_all(bpffs, fault);
    if (r < 0)
        undo_all(&undo);
    undo_forget(&undo);
    return r;
}

int loader_unload(const char *bpffs, struct fault *fault)
{
    const char *place = place_find(bpffs);
    int r;
    do {
        if (bpffs_is_missing(place))
            return 0;
        r = state_is_file(place) ? 0 : bpffs_check(place, fault);
        if (r == 0)
            r = unload(place, fault);
    } while (r == -ESTALE);
    if (r == -EACCES || r == -EPERM)
        return fault_set(fault, r, "what is pinned at %s belongs to root: become root to unload it", place);
    return r;
}
