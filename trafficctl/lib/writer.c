/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "fd.h"
#include "interfaces_page.h"
#include "locks.h"
#include "pins.h"
#include "state.h"

/* Memory, and no system call: it is read for each tag. */
static uint64_t read_moves(const struct writer *writer)
{
    return writer->page ? __atomic_load_n(&writer->page->moves, __ATOMIC_ACQUIRE) : 0;
}

int writer_open(const char *bpffs, struct writer *writer)
{
    *writer = (struct writer){.mutex = PTHREAD_MUTEX_INITIALIZER, .folder_fd = -1};
    int r = pins_open_folder(bpffs, O_RDONLY, &writer->folder_fd);
    if (r < 0)
        return r;
    /* Where files are in the place of pins bpf(2) may be refused, and says nothing of what is there. */
    r = state_is_file(bpffs) ? 0 : interfaces_map(bpffs, &writer->page);
    writer->moved = read_moves(writer);
    return r == -ENOENT ? 0 : r;
}

void writer_done(struct writer *writer)
{
    writer->folder_fd = fd_close(writer->folder_fd);
    writer->page = interfaces_unmap(writer->page);
    pthread_mutex_destroy(&writer->mutex);
}

static int wait_for_flock(struct writer *writer)
{
    int r = locks_wait(writer->folder_fd, writer->stuck ? 0 : LOCKS_PATIENCE_MS);
    writer->stuck = r == -EBUSY;
    return r;
}

/* locked: nobody is at moving, so that who began it was killed. */
static int check(const struct writer *writer, bool locked)
{
    int r = pins_check_loaded(writer->folder_fd);
    if (r < 0)
        return r;
    uint64_t moves = read_moves(writer);
    if (moves % 2 == 1)
        return locked ? -EBUSY : 0;
    return moves == writer->moved ? 0 : -ESTALE;
}

int writer_check(const struct writer *writer)
{
    return check(writer, false);
}

int writer_lock(struct writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    int r = wait_for_flock(writer);
    if (r == 0) {
        r = check(writer, true);
        if (r < 0)
            flock(writer->folder_fd, LOCK_UN);
    }
    if (r < 0)
        pthread_mutex_unlock(&writer->mutex);
    return r;
}

void writer_unlock(struct writer *writer)
{
    flock(writer->folder_fd, LOCK_UN);
    pthread_mutex_unlock(&writer->mutex);
}
