/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "http_ask.h"
#include "meter.h"

#define MAX_ANSWER (16 << 20)
static const struct timeval PATIENCE = {.tv_sec = 10};

char *http_ask(uint16_t port, const char *method, const char *path)
{
    const struct sockaddr_in to = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}};
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0);
    size_t length;
    char *answer;

    assert_true(fd >= 0);
    assert_return_code(fcntl(fd, F_SETFL, 0), errno); /* it may wait */
    assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &PATIENCE, sizeof(PATIENCE)), errno);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        assert_int_equal(errno, ECONNREFUSED);
        return NULL;
    }
    assert_true(dprintf(fd, "%s %s HTTP/1.0\r\nHost: localhost\r\n\r\n", method, path) > 0);
    assert_int_equal(fd_read_all(fd, MAX_ANSWER, &answer, &length), 0);
    return answer;
}

int http_status(const char *answer)
{
    int status = 0;

    return sscanf(answer, "HTTP/1.%*u %d", &status) == 1 ? status : 0;
}

const char *http_body(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    return end ? end + 4 : "";
}
