/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "hostile_fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "hostile_act.h"
#include "meter.h"

#define SECONDS 30
#define PAGE 4096

/* Seen by all processes of the test. */
struct shared {
    atomic_bool silent;
    atomic_uint files; /* opened so far */
};

static struct {
    char folder[64]; /* "" when there is none */
    struct shared *shared;
    int waits; /* eventfd: one for each request that is not answered */
    struct actor server;
} fuse = {.waits = -1};

/* -- the server -- */

static void reply(int device, uint64_t unique, int error, const void *data, size_t size)
{
    struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)data, size}};

    /* who asked may be gone: then nobody wants to know */
    if (writev(device, parts, size ? 2 : 1) < 0 && errno != ENOENT)
        fprintf(stderr, "fuse: %s\n", strerror(errno));
}

static struct fuse_attr attributes(uint64_t node)
{
    bool root = node == FUSE_ROOT_ID;

    return (struct fuse_attr){.ino = node,
                              .size = root ? 0 : PAGE,
                              .mode = root ? S_IFDIR | 0777 : S_IFREG | 0666,
                              .nlink = 1,
                              .blksize = PAGE};
}

/* Nothing is remembered by the kernel, so that it asks for everything every time. */
static void look_up(int device, uint64_t unique, const char *name)
{
    uint64_t node = FUSE_ROOT_ID + 1 + strtoull(name, NULL, 10);
    struct fuse_entry_out entry = {.nodeid = node, .attr = attributes(node)};

    reply(device, unique, 0, &entry, sizeof(entry));
}

static void get_attributes(int device, uint64_t unique, uint64_t node)
{
    struct fuse_attr_out out = {.attr = attributes(node)};

    reply(device, unique, 0, &out, sizeof(out));
}

static void pretend_to_write(int device, uint64_t unique, const struct fuse_write_in *in)
{
    struct fuse_write_out out = {.size = in->size};

    reply(device, unique, 0, &out, sizeof(out));
}

static void initialise(int device, uint64_t unique)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = FUSE_KERNEL_MINOR_VERSION,
                                .flags = FUSE_WRITEBACK_CACHE | FUSE_BIG_WRITES,
                                .max_write = PAGE,
                                .max_readahead = PAGE};

    reply(device, unique, 0, &out, sizeof(out));
}

static void answer(int device, const struct fuse_in_header *head, const void *rest)
{
    const struct fuse_open_out opened = {0};

    switch (head->opcode) {
    case FUSE_INIT:
        return initialise(device, head->unique);
    case FUSE_LOOKUP:
        return look_up(device, head->unique, rest);
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        return get_attributes(device, head->unique, head->nodeid);
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        return reply(device, head->unique, 0, &opened, sizeof(opened));
    case FUSE_WRITE:
        return pretend_to_write(device, head->unique, rest);
    case FUSE_FLUSH:
        return reply(device, head->unique, 0, NULL, 0);
    case FUSE_READ:
        eventfd_write(fuse.waits, 1);
        return;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return;
    default:
        return reply(device, head->unique, -ENOSYS, NULL, 0);
    }
}

static int serve_one(int device)
{
    static union {
        struct fuse_in_header head;
        char room[PAGE * 4];
    } request;
    ssize_t n = read(device, &request, sizeof(request) - 1);

    if (n < (ssize_t)sizeof(request.head))
        return n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN) ? 0 : -EIO;
    request.room[n] = '\0';
    if (!atomic_load(&fuse.shared->silent))
        answer(device, &request.head, request.room + sizeof(request.head));
    else if (request.head.opcode != FUSE_FORGET && request.head.opcode != FUSE_RELEASE)
        eventfd_write(fuse.waits, 1);
    return 0;
}

/* Ends with the channel, or with the time: whatever hangs on it must not hang for ever. */
static int server(int channel, void *arg)
{
    struct pollfd ready[2] = {{.fd = channel, .events = POLLIN},
                              {.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), .events = POLLIN}};
    char options[128];
    int r;

    (void)arg;
    alarm(SECONDS);
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", ready[1].fd);
    if (ready[1].fd < 0 || mount("hostile", fuse.folder, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
        return -errno;
    r = say_word(channel);
    while (r == 0 && poll(ready, 2, -1) >= 0 && !ready[0].revents)
        r = serve_one(ready[1].fd);
    return r;
}

void fuse_start(void)
{
    /* as a world names its folder: what a kill -9 leaves is swept like one */
    snprintf(fuse.folder, sizeof(fuse.folder), "/tmp/tctl-e2e-%d-XXXXXX", getpid());
    assert_non_null(mkdtemp(fuse.folder));
    fuse.shared = mmap(NULL, sizeof(*fuse.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(fuse.shared != MAP_FAILED);
    fuse.waits = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    assert_true(fuse.waits >= 0);
    assert_int_equal(actor_start(the_world, PLACE_A, 0, server, NULL, &fuse.server), 0);
    if (wait_for_go(fuse.server.channel) < 0)
        fail_msg("no FUSE: %s", strerror(-actor_wait(&fuse.server)));
}

void fuse_silence(void)
{
    atomic_store(&fuse.shared->silent, true);
}

void fuse_end(void)
{
    if (!fuse.folder[0])
        return;
    if (fuse.server.pid > 0) {
        kill(fuse.server.pid, SIGKILL);
        actor_wait(&fuse.server);
    }
    umount2(fuse.folder, MNT_DETACH);
    rmdir(fuse.folder);
    fuse.folder[0] = '\0';
    fuse.waits = fd_close(fuse.waits);
    munmap(fuse.shared, sizeof(*fuse.shared));
}

/* -- its users -- */

static int open_number(unsigned number)
{
    char path[96];
    int fd;

    snprintf(path, sizeof(path), "%s/%u", fuse.folder, number);
    fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int fuse_open(void)
{
    return open_number(atomic_fetch_add(&fuse.shared->files, 1));
}

void *fuse_page(void)
{
    _cleanup_fd_ int fd = fuse_open();
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return page == MAP_FAILED ? NULL : page;
}

int fuse_somebody_waits(void)
{
    struct pollfd ready = {.fd = fuse.waits, .events = POLLIN};
    eventfd_t one;

    if (poll(&ready, 1, CUT_OFF_MS) != 1)
        return -ETIMEDOUT;
    return eventfd_read(fuse.waits, &one) < 0 ? -errno : 0;
}

/* What is written by another way into the same file, and not yet by the kernel, has to be before either can end. */
int fuse_unwritten_in_queue(void)
{
    static const char page[PAGE];
    unsigned number = atomic_fetch_add(&fuse.shared->files, 1);
    int fd = open_number(number), other = open_number(number), pair[2], r;

    if (fd < 0 || other < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return fd < 0 ? fd : -ENOMEM;
    r = hand_in(pair[0], "", 1, &fd, 1);
    fd_close(pair[0]);
    fd_close(fd);
    if (r == 0 && write(other, page, sizeof(page)) != (ssize_t)sizeof(page))
        r = -EIO;
    return r < 0 ? r : pair[1]; /* the other stays open until the process ends */
}
