/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whatever a peer sends, in whatever pieces: it is waited for, answered with an errno that the protocol knows, or a
 * command whose fields are the bytes that came. The first byte says what came beside the bytes.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_command(const struct request *request, const struct request_received *received)
{
    struct fwmark_command command;

    assert(received->length == FWMARK_SHORT);
    memcpy(&command, received->bytes, sizeof(command));
    assert(command.id == FWMARK_TAG_SOCKET + (uint32_t)(request->kind - REQUEST_TAG));
    assert(request->uid == command.uid && request->info == command.info);
    assert(request->needs_socket == (request->kind == REQUEST_TAG || request->kind == REQUEST_UNTAG));
    assert(!request->needs_socket || (received->descriptors == 1 && !received->truncated));
}

static void check_answer(const struct request *request, const struct request_received *received)
{
    switch (request->error) {
    case 0:
    case -EPROTO:
        assert(request->needs_socket);
        break;
    case -EOPNOTSUPP:
        break;
    case -EBADMSG:
    case -ESHUTDOWN:
    case -ETIMEDOUT:
        assert(!request->needs_socket);
        break;
    case -EBADF:
        assert(received->descriptors != 1 || received->truncated);
        break;
    case -EMFILE:
        assert(received->descriptors == 0 && received->truncated);
        break;
    default:
        assert(0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request_received received = {0};

    if (size == 0)
        return 0;
    const enum request_end end = *data % 3;
    received.descriptors = *data / 3 % 4;
    received.truncated = *data >> 7;
    received.length = size - 1 < REQUEST_ROOM ? size - 1 : REQUEST_ROOM;
    memcpy(received.bytes, data + 1, received.length);
    struct request request = request_judge(&received, end);
    if (request.kind == REQUEST_WAIT)
        assert(end == REQUEST_OPEN && received.length < FWMARK_SHORT);
    else if (request.kind == REQUEST_ANSWER)
        check_answer(&request, &received);
    else
        check_command(&request, &received);
    return 0;
}
