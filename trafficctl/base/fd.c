/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int fd_close(int fd)
{
    if (fd >= 0) {
        int saved = errno;
        close(fd);
        errno = saved;
    }
    return -1;
}

/* Fill text up to size or the end of the file, whichever comes first. Returns the bytes read. */
static ssize_t read_up_to(int fd, char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, text + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

int fd_read_all(int fd, size_t max, char **ret_text, size_t *ret_length)
{
    /* One byte more than allowed tells "too large"; files of /proc do not say their size. */
    _cleanup_free_ char *text = malloc(max + 1);
    if (!text)
        return -ENOMEM;

    ssize_t length = read_up_to(fd, text, max + 1);
    if (length < 0)
        return (int)length;
    if ((size_t)length > max)
        return -EFBIG;

    text[length] = '\0';
    *ret_text = TAKE_PTR(text);
    *ret_length = (size_t)length;
    return 0;
}

int fd_read_file(const char *path, size_t max, char **ret_text)
{
    size_t length;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd_read_all(fd, max, ret_text, &length);
}
