/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "request.h"

#define UID 1234
#define INFO 0x77

/* So many bytes of a command came, with so many descriptors. */
static struct request_received received(uint32_t id, size_t length, unsigned int descriptors)
{
    const struct fwmark_command command = {.id = id, .net_id = 9, .uid = UID, .info = INFO};
    struct request_received all = {.length = length, .descriptors = descriptors};

    memset(all.bytes, 0xA5, sizeof(all.bytes));
    memcpy(all.bytes, &command, sizeof(command));
    return all;
}

static struct request judge(uint32_t id, size_t length, unsigned int descriptors)
{
    const struct request_received all = received(id, length, descriptors);

    return request_judge(&all, REQUEST_OPEN);
}

static void answers(uint32_t id, size_t length, unsigned int descriptors, int error)
{
    struct request request = judge(id, length, descriptors);

    if (request.kind != REQUEST_ANSWER || request.error != error || request.needs_socket)
        fail_msg("command %u of %zu bytes with %u descriptors: kind %d, %d", id, length, descriptors, request.kind,
                 request.error);
}

/* The same, once the descriptor is known to be a socket. */
static void answers_for_socket(uint32_t id, size_t length, int error)
{
    struct request request = judge(id, length, 1);

    if (request.kind != REQUEST_ANSWER || request.error != error || !request.needs_socket)
        fail_msg("command %u of %zu bytes: kind %d, %d", id, length, request.kind, request.error);
}

static void acts(uint32_t id, unsigned int descriptors, enum request_kind kind)
{
    struct request request = judge(id, 16, descriptors);

    assert_int_equal(request.kind, kind);
    assert_int_equal(request.uid, UID);
    assert_int_equal(request.info, INFO);
    assert_int_equal(request.needs_socket, kind == REQUEST_TAG || kind == REQUEST_UNTAG);
}

static void part_of_a_message_is_waited_for(void **state)
{
    (void)state;
    for (size_t length = 0; length < 16; length++)
        for (unsigned int descriptors = 0; descriptors < 2; descriptors++)
            assert_int_equal(judge(7, length, descriptors).kind, REQUEST_WAIT);
}

static void the_end_of_file_ends_the_waiting(void **state)
{
    (void)state;
    struct request_received part = received(7, 0, 0);

    assert_int_equal(request_judge(&part, REQUEST_CLOSED).error, -ESHUTDOWN);
    for (part.length = 1; part.length < 16; part.length++) {
        struct request request = request_judge(&part, REQUEST_CLOSED);
        assert_int_equal(request.kind, REQUEST_ANSWER);
        assert_int_equal(request.error, -EBADMSG);
        assert_false(request.needs_socket);
    }
}

static void the_deadline_ends_the_waiting(void **state)
{
    (void)state;
    struct request_received part = received(7, 0, 1);

    assert_int_equal(request_judge(&part, REQUEST_LATE).kind, REQUEST_ANSWER);
    assert_int_equal(request_judge(&part, REQUEST_LATE).error, -ETIMEDOUT);
    for (part.length = 1; part.length < 16; part.length++)
        assert_int_equal(request_judge(&part, REQUEST_LATE).error, -EBADMSG);
}

static void a_whole_message_is_judged_however_it_ended(void **state)
{
    (void)state;
    struct request_received all = received(7, 16, 1);

    for (enum request_end end = REQUEST_OPEN; end <= REQUEST_LATE; end++)
        assert_int_equal(request_judge(&all, end).kind, REQUEST_TAG);
}

static bool is_allowed(uint32_t id, size_t length)
{
    static const bool SHORT[14] = {1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1};
    static const bool LONG[14] = {0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1};

    return (length == 16 && (id >= 14 || SHORT[id])) || (length == 52 && id < 14 && LONG[id]);
}

static void a_wrong_length_is_no_message(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < 20; id++)
        for (size_t length = 16; length <= REQUEST_ROOM; length++)
            for (unsigned int descriptors = 0; descriptors < 3; descriptors++)
                if (!is_allowed(id, length))
                    answers(id, length, descriptors, -EBADMSG);
                else if (judge(id, length, descriptors).error == -EBADMSG)
                    fail_msg("command %u of %zu bytes", id, length);
}

static void commands_of_android_9_act(void **state)
{
    (void)state;
    acts(7, 1, REQUEST_TAG);
    acts(8, 1, REQUEST_UNTAG);
    acts(9, 0, REQUEST_COUNTER_SET);
    acts(10, 0, REQUEST_DELETE);
}

static void a_descriptor_too_many_is_ignored_where_none_belongs(void **state)
{
    (void)state;
    struct request_received all = received(9, 16, 1);

    acts(9, 1, REQUEST_COUNTER_SET);
    acts(9, 2, REQUEST_COUNTER_SET);
    acts(10, 1, REQUEST_DELETE);
    all.truncated = true;
    assert_int_equal(request_judge(&all, REQUEST_OPEN).kind, REQUEST_COUNTER_SET);
    answers(5, 16, 0, -EOPNOTSUPP);
    answers(5, 16, 1, -EOPNOTSUPP);
}

/* Also of commands that do nothing, and of those that nobody knows. */
static void exactly_one_descriptor_belongs_to_the_others(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < 20; id++) {
        for (size_t length = 16; length <= 52; length += 36) {
            bool none = id == 5 || ((id == 9 || id == 10) && length == 16);
            if (none || !is_allowed(id, length))
                continue;
            answers(id, length, 0, -EBADF);
            answers(id, length, 2, -EBADF);
            assert_true(judge(id, length, 1).needs_socket);
        }
    }
}

static void surplus_descriptors_are_no_shortage(void **state)
{
    (void)state;
    struct request_received all = received(7, 16, 1);

    all.truncated = true;
    assert_int_equal(request_judge(&all, REQUEST_OPEN).error, -EBADF);
    all.descriptors = 0;
    assert_int_equal(request_judge(&all, REQUEST_OPEN).error, -EMFILE);
    all.length = 17;
    assert_int_equal(request_judge(&all, REQUEST_OPEN).error, -EBADMSG);
}

static void commands_without_effect_succeed(void **state)
{
    (void)state;
    static const uint32_t SHORT[] = {0, 1, 11, 12, 13}, LONG[] = {1, 6, 9, 10, 11, 12, 13};

    for (size_t i = 0; i < sizeof(SHORT) / sizeof(*SHORT); i++)
        answers_for_socket(SHORT[i], 16, 0);
    for (size_t i = 0; i < sizeof(LONG) / sizeof(*LONG); i++)
        answers_for_socket(LONG[i], 52, 0);
}

static void networks_are_not_chosen_here(void **state)
{
    (void)state;
    for (uint32_t id = 2; id <= 4; id++)
        answers_for_socket(id, 16, -EOPNOTSUPP);
}

static void unknown_commands_are_a_protocol_error(void **state)
{
    (void)state;
    static const uint32_t UNKNOWN[] = {14, 15, 255, 0x07000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};

    for (size_t i = 0; i < sizeof(UNKNOWN) / sizeof(*UNKNOWN); i++)
        answers_for_socket(UNKNOWN[i], 16, -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_of_a_message_is_waited_for),
        cmocka_unit_test(the_end_of_file_ends_the_waiting),
        cmocka_unit_test(the_deadline_ends_the_waiting),
        cmocka_unit_test(a_whole_message_is_judged_however_it_ended),
        cmocka_unit_test(a_wrong_length_is_no_message),
        cmocka_unit_test(commands_of_android_9_act),
        cmocka_unit_test(a_descriptor_too_many_is_ignored_where_none_belongs),
        cmocka_unit_test(exactly_one_descriptor_belongs_to_the_others),
        cmocka_unit_test(surplus_descriptors_are_no_shortage),
        cmocka_unit_test(commands_without_effect_succeed),
        cmocka_unit_test(networks_are_not_chosen_here),
        cmocka_unit_test(unknown_commands_are_a_protocol_error),
    };

    return unit_run(tests);
}
