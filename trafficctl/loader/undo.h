/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What a start has done so far, so that it can be taken back in the opposite order when a later step fails. A step is
 * planned (which may fail) before it is done and armed after it was done, so that nothing done is ever forgotten.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum undo_kind {
    UNDO_UNLINK,  /* path was pinned */
    UNDO_RMDIR,   /* path was made */
    UNDO_UNMOUNT, /* path was mounted */
    UNDO_OWNER,   /* owner and mode of path were changed: put back those of old */
    UNDO_REPIN,   /* the pin at path was replaced: put fd back in its place, by way of the free path aside */
    UNDO_DETACH,  /* the link fd was made */
    UNDO_UPDATE,  /* the link fd was given another program: give it back the program other_fd */
    UNDO_ELEMENT, /* entry 0 of the array fd was written: put back the bytes, and raise the generation other_fd if any
                   */
    UNDO_CALL,    /* a slot of the program array fd was given a program: put back other_fd, or nothing if it is -1 */
};

struct undo_step {
    enum undo_kind kind;
    char *path, *aside;
    int fd, other_fd;
    struct stat old;
    void *bytes;
    uint32_t slot;
};

#define UNDO_MAX_STEPS 128

struct undo {
    struct undo_step steps[UNDO_MAX_STEPS];
    size_t armed;
};

/*
 * The next step. Descriptors are duplicated, strings copied; set what else the kind needs in *ret_step. It is
 * forgotten unless undo_arm() follows. -ENOMEM, -EMFILE.
 */
int undo_plan(struct undo *undo, enum undo_kind kind, const char *path, int fd, int other_fd,
              struct undo_step **ret_step);
void undo_arm(struct undo *undo);

/* Take everything back, last step first. What cannot be taken back is left. */
void undo_all(struct undo *undo);
/* Take back what was done since that many steps were armed. */
void undo_to(struct undo *undo, size_t armed);
/* Everything was done well: forget it. */
void undo_forget(struct undo *undo);
