/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The exporter's server with a text that no socket takes at once: who reads slowly gets all of it. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "fd.h"
#include "http.h"

#define TEXT_LENGTH (6u << 20)
#define GET "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"
/* Longer than who is silent within a reply is given. */
#define SLOW_MS 7000
#define PIECE 65536

static char folder[] = "/tmp/test_http.XXXXXX", path[64];
static pid_t server;

static void write_texts(void *context, struct text *const texts[TEXT_FORMATS])
{
    (void)context;
    for (int format = 0; format < TEXT_FORMATS; format++)
        while (texts[format] && texts[format]->length < TEXT_LENGTH)
            text_sample(texts[format], FAMILY_BUILD_INFO, NULL, 0, 1);
}

static void say_ready(void *context)
{
    assert_int_equal(write(*(int *)context, "", 1), 1);
}

static int serve(int ready)
{
    struct address address;
    struct socket_file listener;
    char where[80];

    snprintf(where, sizeof(where), "unix:%s", path);
    signal(SIGPIPE, SIG_IGN);
    if (address_parse(where, &address) < 0 || address_listen(&address, &listener, NULL) < 0)
        return 1;
    int r = http_serve(listener.fd, write_texts, say_ready, &ready);
    socket_file_done(&listener);
    return r < 0;
}

static int start(void **state)
{
    int ready[2];
    char word;

    (void)state;
    if (!mkdtemp(folder) || pipe(ready) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/s", folder);
    fflush(NULL);
    server = fork();
    if (server == 0) {
        close(ready[0]);
        exit(serve(ready[1]));
    }
    close(ready[1]);
    ssize_t heard = read(ready[0], &word, 1);
    close(ready[0]);
    return heard == 1 ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int ask(const char *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

/* A piece every 100 ms, for so many ms; 0: all there is, as fast as it comes. Returns how much came. */
static size_t hear(int fd, int ms)
{
    static char piece[PIECE];
    size_t length = 0;
    ssize_t more;

    for (int heard = 0; (!ms || heard < ms) && (more = recv(fd, piece, sizeof(piece), 0)) > 0; heard += 100) {
        length += (size_t)more;
        if (ms)
            poll(NULL, 0, 100);
    }
    return length;
}

static void who_reads_slowly_gets_all_and_who_does_not_read_is_ended(void **state)
{
    _cleanup_fd_ int slow = ask(GET), silent = ask(GET);

    (void)state;
    size_t length = hear(slow, SLOW_MS);
    assert_true(length < TEXT_LENGTH);
    assert_true(length + hear(slow, 0) > TEXT_LENGTH);
    assert_true(hear(silent, 0) < TEXT_LENGTH);
}

/* With a request and a reply on their way; sanitizers tell in its status what is left of them. */
static void an_end_leaves_nothing(void **state)
{
    _cleanup_fd_ int half = ask("GET /metrics"), unread = ask(GET), asked = ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    int status = -1;

    (void)state;
    assert_int_equal(poll(&(struct pollfd){.fd = unread, .events = POLLIN}, 1, 10000), 1);
    assert_int_equal(poll(&(struct pollfd){.fd = asked, .events = POLLIN}, 1, 10000), 1);
    assert_return_code(kill(server, SIGTERM), errno);
    assert_int_equal(waitpid(server, &status, 0), server);
    assert_int_equal(status, 0);
    assert_int_equal(hear(half, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_slowly_gets_all_and_who_does_not_read_is_ended),
        cmocka_unit_test(an_end_leaves_nothing),
    };
    cmocka_set_test_filter(unit_filter());
    return cmocka_run_group_tests(tests, start, clean);
}
