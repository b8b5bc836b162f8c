/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "tagger.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <trafficctl/tag.h>

enum cli_status tagger_open(const struct cli *cli, struct tagger *ret_tagger)
{
    ret_tagger->server = cli->socket ?: TCTL_FWMARKD;
    if (cli->socket)
        return CLI_DONE;
    int r = tctl_accounting_open(cli->bpffs, &ret_tagger->maps);
    return r == 0 || r == -EACCES || r == -EPERM ? CLI_DONE : cli_read_failed(cli, r);
}

void tagger_done(struct tagger *tagger)
{
    tagger->maps = tctl_accounting_close(tagger->maps);
}

int tagger_tag(const struct tagger *tagger, int fd, uint32_t uid, uint32_t tag)
{
    return tagger->maps ? tctl_socket_tag(tagger->maps, fd, uid, tag) : tctl_tag(tagger->server, fd, uid, tag);
}

int tagger_untag(const struct tagger *tagger, int fd)
{
    return tagger->maps ? tctl_socket_untag(tagger->maps, fd) : tctl_untag(tagger->server, fd);
}

int tagger_counter_set(const struct tagger *tagger, uint32_t uid, uint32_t set)
{
    return tagger->maps ? tctl_uid_counter_set(tagger->maps, uid, set) : tctl_counter_set(tagger->server, uid, set);
}

int tagger_delete(const struct tagger *tagger, uint32_t uid, uint32_t tag)
{
    return tagger->maps ? tctl_uid_delete_tag_data(tagger->maps, uid, tag)
                        : tctl_delete_tag_data(tagger->server, uid, tag);
}

struct reason {
    int err;
    const char *text;
};

static const char *find_reason(const struct reason *reasons, size_t count, int err)
{
    for (size_t i = 0; i < count; i++)
        if (reasons[i].err == err)
            return reasons[i].text;
    return NULL;
}

/* Reasons of the request itself. */
static const char *request_reason(int err)
{
    static const struct reason REASONS[] = {
        {-ENOENT, "it is not tagged"},
        {-EAFNOSUPPORT, "only IPv4 and IPv6 sockets can be tagged"},
        {-EMFILE, "this user is charged under 500 other tags: use one of them, or delete one with 'delete-tag-data'"},
        {-EBUSY, "another process has been changing tags for 5 seconds, perhaps stopped: /proc/locks names it"},
        {-E2BIG, "there is no room: close tagged sockets, or raise the map's size in trafficctl.conf"},
    };

    return find_reason(REASONS, ARRAY_SIZE(REASONS), err);
}

/* Reasons that a server gives, or is. */
static const char *server_reason(int err)
{
    static const struct reason REASONS[] = {
        {-EPERM,
         "that is for who may do accounting: become root, or join the group that trafficd calls accounting_group "
         "(net_bw_acct)"},
        {-EAGAIN, "you have too many connections to the server: try again"},
        {-ESHUTDOWN, "the server is stopping: try again when it is started"},
        {-ECONNREFUSED, "nobody listens there: start trafficd, or name its socket with --socket"},
        {-EACCES, "no permission to reach this socket: name another with --socket, or become root"},
        {-ECONNRESET, "the server went away without an answer: look at trafficd's log"},
        {-ETIMEDOUT, "the server did not answer within 2 seconds: look at trafficd's log"},
        {-EPROTO, "no answer of netd's protocol: name trafficd's socket with --socket"},
    };

    return find_reason(REASONS, ARRAY_SIZE(REASONS), err);
}

enum cli_status tagger_failed(const struct tagger *tagger, int err, const char *what, ...)
{
    const char *reason = request_reason(err);
    char text[160];
    va_list args;

    if (!reason && !tagger->maps)
        reason = server_reason(err);
    va_start(args, what);
    vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    return cli_failed("%s%s%s: %s", text, tagger->maps ? "" : " through ", tagger->maps ? "" : tagger->server,
                      reason ?: strerror(-err));
}
