/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tag, untag, delete-tag-data */
#include <unistd.h>

#include <trafficctl/tag.h>

#include "commands.h"
#include "fd.h"
#include "socket.h"
#include "tagger.h"

struct request {
    struct socket_name socket;
    bool has_pid, has_fd, has_uid;
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

static enum cli_status take_option(void *context, int letter)
{
    struct request *request = context;

    switch (letter) {
    case 'p':
        request->has_pid = true;
        return cli_number("--pid", optarg, 1, INT32_MAX, &request->socket.pid);
    case 'f':
        request->has_fd = true;
        return cli_number("--fd", optarg, 0, INT32_MAX, &request->socket.fd);
    case 't':
        return cli_number("--tag", optarg, 0, UINT32_MAX, &request->tag);
    default:
        request->has_uid = true;
        return cli_uid("--uid", optarg, &request->uid);
    }
}

static enum cli_status request_parse(const char *command, int argc, char **argv, const struct option *longs,
                                     struct request *request)
{
    enum cli_status status = cli_options(command, argc, argv, longs, take_option, request);

    if (status != CLI_DONE)
        return status;
    if (optind < argc)
        return cli_usage("%s: unexpected argument '%s'", command, argv[optind]);
    if (!request->has_pid || !request->has_fd)
        return cli_usage("%s: write which socket: --pid P --fd N", command);
    return CLI_DONE;
}

/* Parse, take the socket, and find who is to do it. End with request_done(), also after a failure. */
static enum cli_status request_begin(const struct cli *cli, const char *command, int argc, char **argv,
                                     const struct option *longs, struct request *request)
{
    *request = (struct request){.fd = -1};
    enum cli_status status = request_parse(command, argc, argv, longs, request);
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
    static const struct option LONG[] = {
        {"pid", required_argument, NULL, 'p'},
        {"fd", required_argument, NULL, 'f'},
        {"tag", required_argument, NULL, 't'},
        {"uid", required_argument, NULL, 'u'},
        {0},
    };
    _cleanup_request_ struct request request;
    enum cli_status status = request_begin(cli, "tag", argc, argv, LONG, &request);

    if (status != CLI_DONE)
        return status;
    return request_ended(&request, "tag", tagger_tag(&request.tagger, request.fd, payer(&request), request.tag));
}

enum cli_status cmd_untag(const struct cli *cli, int argc, char **argv)
{
    static const struct option LONG[] = {
        {"pid", required_argument, NULL, 'p'},
        {"fd", required_argument, NULL, 'f'},
        {0},
    };
    _cleanup_request_ struct request request;
    enum cli_status status = request_begin(cli, "untag", argc, argv, LONG, &request);

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
