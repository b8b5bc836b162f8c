/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "act.h"

#include <deletion.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

int act_check_socket(int descriptor)
{
    int family;
    socklen_t size = sizeof(family);

    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
        return -errno;
    return family == AF_INET || family == AF_INET6 ? 0 : -EAFNOSUPPORT;
}

static bool may_account(struct server *server, const struct connection *connection)
{
    struct peer_rights rights;

    pthread_mutex_lock(&server->lock);
    rights = server->rights;
    pthread_mutex_unlock(&server->lock);
    return peer_may_account(connection->fd, &connection->peer, &rights);
}

/* What is no such socket is told first, here and by tags_set(). */
static int check_other(struct server *server, const struct connection *connection)
{
    int r = act_check_socket(connection->descriptor);

    if (r < 0)
        return r;
    return may_account(server, connection) ? 0 : -EPERM;
}

static int tag(struct server *server, const struct connection *connection, const struct request *request)
{
    const struct peer *peer = &connection->peer;
    struct tctl_tag tag = {.uid = request->uid, .tag = request->info};
    int r = 0;

    if (request->uid == FWMARK_MYSELF || peer_is(peer, request->uid))
        tag.uid = peer->user;
    else
        r = check_other(server, connection);
    return r < 0 ? r : tags_set(&server->tags, connection->descriptor, &tag, &server->limit);
}

/* A descriptor that somebody was given is no right to its bill. */
static bool may_untag(struct server *server, const struct connection *connection, const struct tctl_tag *tag)
{
    struct stat socket;

    if (peer_is(&connection->peer, tag->uid))
        return true;
    if (fstat(connection->descriptor, &socket) == 0 && peer_is(&connection->peer, socket.st_uid))
        return true;
    return may_account(server, connection);
}

static int untag(struct server *server, const struct connection *connection)
{
    struct tctl_tag tag;
    int r = tags_get(&server->tags, connection->descriptor, &tag);

    if (r < 0)
        return r;
    if (!may_untag(server, connection, &tag))
        return -EPERM;
    return tags_remove(&server->tags, connection->descriptor);
}

static int just_answer(const struct connection *connection, const struct request *request, int answer)
{
    int r = request->needs_socket ? act_check_socket(connection->descriptor) : 0;

    return r < 0 ? r : answer;
}

/* Who may is not asked: more rights would not help anybody. */
static int refuse_tags(const struct connection *connection, const struct request *request)
{
    return just_answer(connection, request, request->kind == REQUEST_ANSWER ? request->error : -EOPNOTSUPP);
}

int act(struct server *server, const struct connection *connection, const struct request *request)
{
    if (!server->has_tags)
        return refuse_tags(connection, request);
    switch (request->kind) {
    case REQUEST_TAG:
        return tag(server, connection, request);
    case REQUEST_UNTAG:
        return untag(server, connection);
    case REQUEST_COUNTER_SET:
        if (!may_account(server, connection))
            return -EPERM;
        return tags_set_counter_set(&server->tags, request->uid, request->info);
    case REQUEST_DELETE:
        if (!may_account(server, connection))
            return -EPERM;
        return deletion_run(server->bpffs, &server->tags, request->uid, request->info);
    default:
        return just_answer(connection, request, request->error);
    }
}
