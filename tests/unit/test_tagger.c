/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficctl says when it could not tag: one line with what, why, and what to do. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fd.h"
#include "tagger.h"

#define SERVER "/somewhere/fwmarkd"

/* What tagger_failed() writes to standard error. */
static void failed(const struct tagger *tagger, int err, char *text, size_t size)
{
    _cleanup_fd_ int file = memfd_create("error", MFD_CLOEXEC);
    _cleanup_fd_ int before = dup(STDERR_FILENO);

    assert_true(file >= 0 && before >= 0);
    assert_return_code(dup2(file, STDERR_FILENO), errno);
    enum cli_status status = tagger_failed(tagger, err, "cannot tag descriptor %d", 3);
    fflush(stderr);
    assert_return_code(dup2(before, STDERR_FILENO), errno);
    assert_int_equal(status, CLI_FAILED);
    ssize_t length = pread(file, text, size - 1, 0);
    assert_true(length > 0);
    text[length] = '\0';
    assert_ptr_equal(strchr(text, '\n'), text + length - 1);
    text[length - 1] = '\0';
}

static void expected_failure_is_explained(void **state)
{
    static const int errors[] = {EPERM,        ENOENT,     EAGAIN,       EACCES,    EMFILE, E2BIG,    EPROTO,
                                 EAFNOSUPPORT, ECONNRESET, ECONNREFUSED, ETIMEDOUT, EBUSY,  ESHUTDOWN};
    const struct tagger tagger = {.server = SERVER};
    char text[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        failed(&tagger, -errors[i], text, sizeof(text));
        assert_non_null(strstr(text, "cannot tag descriptor 3 through " SERVER ": "));
        if (strstr(text, strerror(errors[i])))
            fail_msg("nothing to do about it: %s", text);
    }
}

static void other_failure_is_named(void **state)
{
    const struct tagger tagger = {.server = SERVER};
    char text[512];

    (void)state;
    failed(&tagger, -ENOMEM, text, sizeof(text));
    assert_string_equal(text, "cannot tag descriptor 3 through " SERVER ": Cannot allocate memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_failure_is_explained),
        cmocka_unit_test(other_failure_is_named),
    };

    return unit_run(tests);
}
