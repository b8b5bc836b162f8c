/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The policy parser on any bytes: it refuses with one line that names the file and a line of it, or takes what prints
 * as a policy that reads back as the same; and then nothing that is shorter.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(const struct fault *fault, size_t size)
{
    unsigned int line = 0;

    assert(sscanf(fault->text, "FILE:%u: ", &line) == 1);
    assert(line >= 1 && line <= size + 1);
    assert(!strchr(fault->text, '\n'));
}

static void check_ascending(const struct policy_uids *list)
{
    for (size_t i = 1; i < list->count; i++)
        assert(list->uids[i - 1] < list->uids[i]);
}

static void check_order(const struct policy *policy)
{
    for (uint32_t chain = 0; chain < TCTL_CHAINS; chain++)
        check_ascending(&policy->listed[chain]);
    check_ascending(&policy->lockdown);
    for (size_t i = 1; i < policy->iface_count; i++)
        assert(policy->ifaces[i - 1].uid < policy->ifaces[i].uid);
    for (size_t i = 1; i < policy->metered_count; i++)
        assert(strcmp(policy->metered[i - 1], policy->metered[i]) < 0);
}

static char *print(const struct policy *policy, size_t *ret_length)
{
    struct fault fault = {0};
    char *text = NULL;

    assert(policy_text_print(policy, &text, ret_length, &fault) == 0);
    return text;
}

static void check_print(const struct policy *policy)
{
    struct policy again = {0};
    struct fault fault = {0};
    size_t length, length_again;
    char *text = print(policy, &length);

    assert(policy_text_parse("FILE", text, length, &again, &fault) == 0);
    char *text_again = print(&again, &length_again);
    assert(length == length_again && memcmp(text, text_again, length) == 0);
    policy_done(&again);
    free(text_again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy policy = {0}, none;
    struct fault fault = {0};

    if (policy_text_parse("FILE", (const char *)data, size, &policy, &fault) < 0) {
        check_fault(&fault, size);
        return 0;
    }
    check_order(&policy);
    check_print(&policy);
    policy_done(&policy);
    for (size_t length = size > 300 ? size - 300 : 0; length < size; length++)
        assert(policy_text_parse("FILE", (const char *)data, length, &none, &fault) == -EBADMSG);
    return 0;
}
