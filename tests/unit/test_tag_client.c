/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the client of fwmarkd asks, and what it makes of answers. How long it waits: test_tag_client_waits.c. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "tag_client.h"

#define MANY 200

static void the_descriptor_came(void)
{
    struct stat about;

    assert_return_code(fstat(a_socket, &about), errno);
    assert_int_equal(the_server.descriptors, 1);
    assert_int_equal(the_server.inode, about.st_ino);
}

static void the_command_came(uint32_t id, uint32_t uid, uint32_t info)
{
    assert_int_equal(the_server.length, FWMARK_SHORT);
    assert_int_equal(the_server.command.id, id);
    assert_int_equal(the_server.command.net_id, 0);
    assert_int_equal(the_server.command.uid, uid);
    assert_int_equal(the_server.command.info, info);
}

static void client_asks_as_netd_does(void **state)
{
    (void)state;
    server_start(&the_server, server_answers, 0);
    assert_int_equal(tctl_tag(the_server.path, a_socket, 10001, 0xabc), 0);
    the_command_came(FWMARK_TAG_SOCKET, 10001, 0xabc);
    the_descriptor_came();
    assert_int_equal(tctl_tag(the_server.path, a_socket, TCTL_MYSELF, 0xFFFFFFFF), 0);
    the_command_came(FWMARK_TAG_SOCKET, FWMARK_MYSELF, 0xFFFFFFFF);
    assert_int_equal(tctl_untag(the_server.path, a_socket), 0);
    the_command_came(FWMARK_UNTAG_SOCKET, 0, 0);
    the_descriptor_came();
    assert_int_equal(tctl_counter_set(the_server.path, 10001, 1), 0);
    the_command_came(FWMARK_SET_COUNTERSET, 10001, 1);
    assert_int_equal(tctl_delete_tag_data(the_server.path, 10001, 7), 0);
    the_command_came(FWMARK_DELETE_TAGDATA, 10001, 7);
    assert_int_equal(the_server.connections, 5);
}

static void client_sends_no_descriptor_where_netd_sends_none(void **state)
{
    (void)state;
    server_start(&the_server, server_answers, 0);
    the_server.descriptors = 99;
    assert_int_equal(tctl_counter_set(the_server.path, 10001, 0), 0);
    assert_int_equal(the_server.descriptors, 0);
    the_server.descriptors = 99;
    assert_int_equal(tctl_delete_tag_data(the_server.path, 10001, 0), 0);
    assert_int_equal(the_server.descriptors, 0);
}

static void client_gives_the_servers_answer(void **state)
{
    static const int32_t answers[] = {0, -EPERM, -ENOENT, -EAGAIN, -EINTR, -EPIPE, -ECONNRESET, -EMFILE, -4095};

    (void)state;
    server_start(&the_server, server_answers, 0);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        the_server.reply = answers[i];
        assert_int_equal(tag_it(), answers[i]);
    }
    assert_int_equal(the_server.connections, ARRAY_SIZE(answers));
}

static void client_takes_garbage_for_no_answer(void **state)
{
    static const int32_t answers[] = {1, 4096, INT32_MAX, INT32_MIN, -4096, -1000000};

    (void)state;
    server_start(&the_server, server_answers, 0);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        the_server.reply = answers[i];
        assert_int_equal(tag_it(), -EPROTO);
    }
}

static void says_too_much(struct server *server, int peer)
{
    server_answers(server, peer);
    send(peer, "and more", 8, MSG_NOSIGNAL);
}

static void client_reads_no_further_than_the_answer(void **state)
{
    (void)state;
    server_start(&the_server, says_too_much, -EMFILE);
    assert_int_equal(tag_it(), -EMFILE);
}

/* A sender can see what was not read yet. */
static void wait_until_read(int peer)
{
    int unread = 1;

    while (ioctl(peer, SIOCOUTQ, &unread) == 0 && unread > 0)
        sched_yield();
}

static void answers_by_halves(struct server *server, int peer)
{
    const char *reply = (const char *)&server->reply;

    server_take(server, peer);
    send(peer, reply, 2, MSG_NOSIGNAL);
    wait_until_read(peer);
    send(peer, reply + 2, 2, MSG_NOSIGNAL);
}

static void client_puts_halves_together(void **state)
{
    (void)state;
    server_start(&the_server, answers_by_halves, -EDESTADDRREQ);
    assert_int_equal(tag_it(), -EDESTADDRREQ);
}

static void hangs_up_at_half(struct server *server, int peer)
{
    server_take(server, peer);
    send(peer, &server->reply, 2, MSG_NOSIGNAL);
}

static void half_an_answer_is_none(void **state)
{
    (void)state;
    server_start(&the_server, hangs_up_at_half, 0);
    assert_int_equal(tag_it(), -ECONNRESET);
}

static void hangs_up(struct server *server, int peer)
{
    server_take(server, peer);
}

static void hangs_up_at_once(struct server *server, int peer)
{
    (void)server;
    (void)peer;
}

/* Whether the request still finds a peer is a matter of who is faster: many tries see both. SIGPIPE would end the test.
 */
static void client_survives_a_server_that_hangs_up(server_script_fn script)
{
    signal(SIGPIPE, SIG_DFL);
    server_start(&the_server, script, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(tag_it(), -ECONNRESET);
}

static void no_answer_is_no_success(void **state)
{
    (void)state;
    client_survives_a_server_that_hangs_up(hangs_up);
}

static void hanging_up_raises_no_signal(void **state)
{
    (void)state;
    client_survives_a_server_that_hangs_up(hangs_up_at_once);
}

/* As a server does that has too many connections of this user. */
static void turns_away(struct server *server, int peer)
{
    send(peer, &server->reply, sizeof(server->reply), MSG_NOSIGNAL);
}

static void client_hears_why_it_is_turned_away(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    server_start(&the_server, turns_away, -EAGAIN);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(tag_it(), -EAGAIN);
}

static void nobody_there_is_refused(void **state)
{
    char path[64];

    (void)state;
    server_start(&the_server, NULL, 0);
    snprintf(path, sizeof(path), "%s/none", the_server.folder);
    assert_int_equal(tctl_tag(path, a_socket, 1, 1), -ECONNREFUSED);
    assert_int_equal(tctl_untag(path, a_socket), -ECONNREFUSED);
    assert_int_equal(tctl_counter_set(path, 1, 1), -ECONNREFUSED);
    assert_int_equal(tctl_delete_tag_data(path, 1, 1), -ECONNREFUSED);
    snprintf(path, sizeof(path), "%s/none/socket", the_server.folder);
    assert_int_equal(tctl_tag(path, a_socket, 1, 1), -ECONNREFUSED);
    snprintf(path, sizeof(path), "%s/below", the_server.path);
    assert_int_equal(tctl_tag(path, a_socket, 1, 1), -ECONNREFUSED);
    the_server.listener = fd_close(the_server.listener); /* its socket stays in the folder */
    assert_int_equal(tag_it(), -ECONNREFUSED);
}

/* Somebody listens at the abstract address that an empty path would be. */
static void no_path_is_no_abstract_address(void **state)
{
    const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_return_code(bind(fd, (const struct sockaddr *)&nameless, sizeof(nameless)), errno);
    assert_return_code(listen(fd, 1), errno);
    assert_int_equal(tctl_tag("", a_socket, 1, 1), -ECONNREFUSED);
}

/* Root may go anywhere; a child may lay that down. */
static void server_out_of_reach_is_no_missing_one(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    server_start(&the_server, NULL, 0);
    assert_return_code(chmod(the_server.folder, 0), errno);
    pid = fork();
    if (pid == 0)
        _exit((geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) || tag_it() != -EACCES);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_return_code(chmod(the_server.folder, 0700), errno);
}

static void path_has_to_fit(void **state)
{
    char path[sizeof((struct sockaddr_un){0}.sun_path) + 1] = "";

    (void)state;
    server_start(&the_server, server_answers, -ENOTSOCK);
    memset(path, '/', sizeof(path) - 1);
    memcpy(path, the_server.path, strlen(the_server.folder));
    assert_int_equal(tctl_tag(path, a_socket, 1, 1), -ENAMETOOLONG);
    /* one less is the longest there is: a folder, which is no server */
    path[sizeof(path) - 2] = '\0';
    assert_int_equal(tctl_tag(path, a_socket, 1, 1), -ECONNREFUSED);
    /* and the same with a server at its end */
    memcpy(path + sizeof(path) - 2 - strlen("/socket"), "/socket", strlen("/socket"));
    assert_int_equal(tctl_tag(path, a_socket, 1, 1), -ENOTSOCK);
}

static void what_is_no_descriptor_disturbs_nobody(void **state)
{
    (void)state;
    server_start(&the_server, NULL, 0);
    assert_return_code(fcntl(the_server.listener, F_SETFL, O_NONBLOCK), errno);
    assert_int_equal(tctl_tag(the_server.path, -1, 1, 1), -EBADF);
    assert_int_equal(tctl_untag(the_server.path, INT32_MIN), -EBADF);
    assert_int_equal(accept(the_server.listener, NULL, NULL), -1);
    assert_int_equal(tctl_tag("/nowhere", -1, 1, 1), -EBADF);
    assert_int_equal(tctl_tag(the_server.path, 2 * CLIENT_DESCRIPTORS, 1, 1), -EBADF); /* not open */
}

/* The lowest free number is what the connection to the server gets. */
static void closed_descriptor_is_not_taken_for_the_connection(void **state)
{
    (void)state;
    server_start(&the_server, server_answers, 0);
    int closed = fcntl(a_socket, F_DUPFD_CLOEXEC, 0);
    assert_return_code(closed, errno);
    fd_close(closed);
    assert_int_equal(tctl_tag(the_server.path, closed, 1, 1), -EBADF);
    assert_int_equal(tctl_untag(the_server.path, closed), -EBADF);
}

/* server->reply is the first descriptor that would outlive an exec; 0: none. Standard ones are meant to. */
static void looks_for_descriptors(struct server *server, int peer)
{
    server_take(server, peer);
    for (int fd = 3; fd < CLIENT_DESCRIPTORS; fd++)
        if (!open_before[fd] && is_open(fd) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            server->reply = -fd;
    send(peer, &server->reply, sizeof(server->reply), MSG_NOSIGNAL);
}

static void connection_is_not_inherited(void **state)
{
    (void)state;
    server_start(&the_server, looks_for_descriptors, 0);
    assert_int_equal(tag_it(), 0);
}

static void answers_the_tag(struct server *server, int peer)
{
    server_take(server, peer);
    int32_t reply = -(int32_t)server->command.info;
    send(peer, &reply, sizeof(reply), MSG_NOSIGNAL);
}

static void *asks_often(void *arg)
{
    uint32_t first = (uint32_t)(uintptr_t)arg;

    for (uint32_t i = first; i < first + MANY; i++)
        if (tctl_tag(the_server.path, a_socket, TCTL_MYSELF, i) != -(int)i)
            return (void *)"another's answer";
    return NULL;
}

static void threads_do_not_mix(void **state)
{
    pthread_t threads[8];

    (void)state;
    server_start(&the_server, answers_the_tag, 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, asks_often, (void *)(uintptr_t)(i * MANY + 1)), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *wrong = NULL;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_int_equal(the_server.connections, ARRAY_SIZE(threads) * MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        client_test(client_asks_as_netd_does),
        client_test(client_sends_no_descriptor_where_netd_sends_none),
        client_test(client_gives_the_servers_answer),
        client_test(client_takes_garbage_for_no_answer),
        client_test(client_reads_no_further_than_the_answer),
        client_test(client_puts_halves_together),
        client_test(half_an_answer_is_none),
        client_test(no_answer_is_no_success),
        client_test(hanging_up_raises_no_signal),
        client_test(client_hears_why_it_is_turned_away),
        client_test(nobody_there_is_refused),
        client_test(no_path_is_no_abstract_address),
        client_test(server_out_of_reach_is_no_missing_one),
        client_test(path_has_to_fit),
        client_test(what_is_no_descriptor_disturbs_nobody),
        client_test(closed_descriptor_is_not_taken_for_the_connection),
        client_test(connection_is_not_inherited),
        client_test(threads_do_not_mix),
    };

    return unit_run(tests);
}
