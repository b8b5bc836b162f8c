/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "undo.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <generation.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fd.h"

static void step_done(struct undo_step *step)
{
    free(step->path);
    free(step->aside);
    free(step->bytes);
    fd_close(step->fd);
    fd_close(step->other_fd);
    *step = (struct undo_step){.fd = -1, .other_fd = -1};
}

static int duplicate(int fd, int *ret_fd)
{
    if (fd < 0)
        return 0;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return -errno;
    *ret_fd = copy;
    return 0;
}

int undo_plan(struct undo *undo, enum undo_kind kind, const char *path, int fd, int other_fd,
              struct undo_step **ret_step)
{
    if (undo->armed == UNDO_MAX_STEPS)
        return -ENOMEM;

    struct undo_step *step = &undo->steps[undo->armed];
    /* A step that was planned and never armed left its copies here. */
    if (step->path)
        step_done(step);
    *step = (struct undo_step){.kind = kind, .fd = -1, .other_fd = -1, .path = strdup(path)};
    int r = step->path ? duplicate(fd, &step->fd) : -ENOMEM;
    if (r == 0)
        r = duplicate(other_fd, &step->other_fd);
    if (r < 0) {
        step_done(step);
        return r;
    }
    if (ret_step)
        *ret_step = step;
    return 0;
}

void undo_arm(struct undo *undo)
{
    undo->armed++;
}

static void owner_back(const char *path, const struct stat *old)
{
    if (chown(path, old->st_uid, old->st_gid) == 0)
        chmod(path, old->st_mode & 07777);
}

/* The folder aside was cleared if a later step failed. */
static void pin_back(const struct undo_step *step)
{
    char *folder = strndup(step->aside, (size_t)(strrchr(step->aside, '/') - step->aside));
    if (!folder)
        return;
    mkdir(folder, 0700);
    if (bpf_obj_pin(step->fd, step->aside) == 0) {
        owner_back(step->aside, &step->old);
        if (rename(step->aside, step->path) < 0)
            unlink(step->aside);
    }
    rmdir(folder); /* unless there is more in it */
    free(folder);
}

static void call_back(const struct undo_step *step)
{
    if (step->other_fd >= 0)
        bpf_map_update_elem(step->fd, &step->slot, &step->other_fd, BPF_ANY);
    else
        bpf_map_delete_elem(step->fd, &step->slot);
}

static void take_back(const struct undo_step *step)
{
    uint32_t zero = 0;

    switch (step->kind) {
    case UNDO_UNLINK:
        unlink(step->path);
        break;
    case UNDO_RMDIR:
        rmdir(step->path);
        break;
    case UNDO_UNMOUNT:
        umount2(step->path, MNT_DETACH);
        break;
    case UNDO_OWNER:
        owner_back(step->path, &step->old);
        break;
    case UNDO_REPIN:
        pin_back(step);
        break;
    case UNDO_DETACH:
        bpf_link_detach(step->fd); /* with the last pin it would go some time later */
        break;
    case UNDO_UPDATE:
        bpf_link_update(step->fd, step->other_fd, NULL);
        break;
    case UNDO_ELEMENT:
        bpf_map_update_elem(step->fd, &zero, step->bytes, BPF_ANY);
        if (step->other_fd >= 0)
            generation_raise(step->other_fd);
        break;
    case UNDO_CALL:
        call_back(step);
        break;
    }
}

static void forget_from(struct undo *undo, size_t armed)
{
    for (size_t i = armed; i < UNDO_MAX_STEPS && undo->steps[i].path; i++)
        step_done(&undo->steps[i]);
    undo->armed = armed;
}

void undo_forget(struct undo *undo)
{
    forget_from(undo, 0);
}

void undo_to(struct undo *undo, size_t armed)
{
    for (size_t i = undo->armed; i-- > armed;)
        take_back(&undo->steps[i]);
    forget_from(undo, armed);
}

void undo_all(struct undo *undo)
{
    undo_to(undo, 0);
}
