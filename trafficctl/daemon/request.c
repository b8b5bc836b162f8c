/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "request.h"

#include <errno.h>
#include <string.h>

static struct request answer(int error)
{
    return (struct request){.kind = REQUEST_ANSWER, .error = error};
}

/* Before the shortest message is complete. */
static struct request judge_part(size_t length, enum request_end end)
{
    switch (end) {
    case REQUEST_OPEN:
        return (struct request){.kind = REQUEST_WAIT};
    case REQUEST_CLOSED:
        return answer(length ? -EBADMSG : -ESHUTDOWN);
    case REQUEST_LATE:
        break;
    }
    return answer(length ? -EBADMSG : -ETIMEDOUT);
}

static bool is_length(uint32_t id, size_t length)
{
    switch (id) {
    case FWMARK_ON_CONNECT:
    case FWMARK_SET_COUNTERSET:
    case FWMARK_DELETE_TAGDATA:
    case FWMARK_ON_SEND_FIRST ... FWMARK_ON_SEND_LAST:
        return length == FWMARK_SHORT || length == FWMARK_LONG;
    case FWMARK_ON_CONNECT_COMPLETE:
        return length == FWMARK_LONG;
    default:
        return length == FWMARK_SHORT;
    }
}

/* Commands that no descriptor belongs to; one that came all the same is of no account. */
static bool needs_descriptor(uint32_t id, size_t length)
{
    if (id == FWMARK_SET_COUNTERSET || id == FWMARK_DELETE_TAGDATA)
        return length == FWMARK_LONG;
    return id != FWMARK_QUERY_USER_ACCESS;
}

/* 0 when there is exactly one. */
static int check_descriptors(const struct request_received *received)
{
    if (received->descriptors == 0 && received->truncated)
        return -EMFILE;
    return received->descriptors == 1 && !received->truncated ? 0 : -EBADF;
}

static struct request judge_short(const struct fwmark_command *command)
{
    struct request request = {.needs_socket = true, .uid = command->uid, .info = command->info};

    switch (command->id) {
    case FWMARK_TAG_SOCKET:
        request.kind = REQUEST_TAG;
        return request;
    case FWMARK_UNTAG_SOCKET:
        request.kind = REQUEST_UNTAG;
        return request;
    case FWMARK_SET_COUNTERSET:
        request.kind = REQUEST_COUNTER_SET;
        break;
    default:
        request.kind = REQUEST_DELETE;
        break;
    }
    request.needs_socket = false;
    return request;
}

/* What a command is answered that changes nothing here. */
static int idle_answer(uint32_t id)
{
    switch (id) {
    case FWMARK_SELECT_NETWORK:
    case FWMARK_PROTECT_FROM_VPN:
    case FWMARK_SELECT_FOR_USER:
    case FWMARK_QUERY_USER_ACCESS:
        return -EOPNOTSUPP;
    case FWMARK_ON_ACCEPT:
    case FWMARK_ON_CONNECT:
    case FWMARK_ON_CONNECT_COMPLETE:
    case FWMARK_SET_COUNTERSET: /* long: ON_SENDMMSG and ON_SENDMSG by now */
    case FWMARK_DELETE_TAGDATA:
    case FWMARK_ON_SEND_FIRST ... FWMARK_ON_SEND_LAST:
        return 0;
    default:
        return -EPROTO;
    }
}

static bool acts(uint32_t id, size_t length)
{
    return length == FWMARK_SHORT && (id == FWMARK_TAG_SOCKET || id == FWMARK_UNTAG_SOCKET ||
                                      id == FWMARK_SET_COUNTERSET || id == FWMARK_DELETE_TAGDATA);
}

struct request request_judge(const struct request_received *received, enum request_end end)
{
    struct fwmark_command command;
    bool needs;

    if (received->length < FWMARK_SHORT)
        return judge_part(received->length, end);
    memcpy(&command, received->bytes, sizeof(command));
    if (!is_length(command.id, received->length))
        return answer(-EBADMSG);
    needs = needs_descriptor(command.id, received->length);
    if (needs && check_descriptors(received) < 0)
        return answer(check_descriptors(received));
    if (acts(command.id, received->length))
        return judge_short(&command);
    return (struct request){.kind = REQUEST_ANSWER, .needs_socket = needs, .error = idle_answer(command.id)};
}
