/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tag, untag, delete-tag-data */
#include <unistd.h>

#include <trafficctl/tag.h>

#include "cmd.h"
#include "fd.h"
#include "socket.h"
#include "tagger.h"

struct request {
    struct socket_name socket;
    bool has_uid;
    uint32_t tag, uid;
    int fd;         /* the socket, our own descriptor for it */
    uint32_t owner; /* of the socket */
    struct tagger tagger;
};

static void request_done(struct request *request)
{
    request->fd = fd_close(request->fd);
    tagger_done(&request->tagger);
}
#define _cleanup_request_ _cleanup_(request_done)

static enum cli_status request_parse(const struct cli *cli, struct request *request)
{
    enum cli_status status = cli_given_number(cli, "--pid", 1, INT32_MAX, &request->socket.pid);

    if (status == CLI_DONE)
        status = cli_given_number(cli, "--fd", 0, INT32_MAX, &request->socket.fd);
    if (status == CLI_DONE)
        status = cli_given_number(cli, "--tag", 0, UINT32_MAX, &request->tag);
    request->has_uid = cli_given(cli, "--uid");
    return status == CLI_DONE ? cli_given_uid(cli, "--uid", &request->uid) : status;
}

/* Parse, take the socket, and find who is to do it. End with request_done(), also after a failure. */
static enum cli_status request_begin(const struct cli *cli, struct request *request)
{
    *request = (struct request){.fd = -1};
    enum cli_status status = request_parse(cli, request);
    if (status == CLI_DONE)
        status = socket_take(&request->socket, &request->fd, &request->owner);
    return status == CLI_DONE ? tagger_open(cli, &request->tagger) : status;
}

static enum cli_status request_ended(const struct request *request, const char *command, int result)
{
    if (result == 0)
        return CLI_DONE;
    return tagger_failed(&request->tagger, result, "cannot %s descriptor %u of process %u", command, request->socket.fd,
                         request->socket.pid);
}

/* By default who owns the socket pays. A server may know its peer, and so the owner, by another number than we do. */
static uint32_t payer(const struct request *request)
{
    if (request->has_uid)
        return request->uid;
    return !request->tagger.maps && request->owner == geteuid() ? TCTL_MYSELF : request->owner;
}

enum cli_status cmd_tag(const struct cli *cli, int argc, char **argv)
{
    _cleanup_request_ struct request request;
    enum cli_status status = request_begin(cli, &request);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    return request_ended(&request, "tag", tagger_tag(&request.tagger, request.fd, payer(&request), request.tag));
}

enum cli_status cmd_untag(const struct cli *cli, int argc, char **argv)
{
    _cleanup_request_ struct request request;
    enum cli_status status = request_begin(cli, &request);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    return request_ended(&request, "untag", tagger_untag(&request.tagger, request.fd));
}

enum cli_status cmd_delete_tag_data(const struct cli *cli, int argc, char **argv)
{
    _cleanup_tagger_ struct tagger tagger = {0};
    uint32_t uid = 0, tag = 0;
    enum cli_status status = cli_uid("UID", argv[1], &uid);

    if (status == CLI_DONE && argc > 2)
        status = cli_number("TAG", argv[2], 0, UINT32_MAX, &tag);
    if (status == CLI_DONE)
        status = tagger_open(cli, &tagger);
    if (status != CLI_DONE)
        return status;
    int r = tagger_delete(&tagger, uid, tag);
    return r < 0 ? tagger_failed(&tagger, r, "cannot delete what was counted for %s", argv[1]) : CLI_DONE;
}
