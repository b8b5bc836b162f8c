/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trusted.h"

static char folder[] = "/tmp/test_trusted.XXXXXX", below[64], path[96];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(below, sizeof(below), "%s/below", folder);
    snprintf(path, sizeof(path), "%s/policy", below);
    return mkdir(below, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void refuses(const char *place, const char *named)
{
    struct fault fault = {0};
    assert_int_equal(trusted_place(place, &fault), -EBADMSG);
    assert_non_null(strstr(fault.text, named));
    assert_int_equal(strncmp(fault.text, place, strlen(place)), 0);
}

static void trusts(const char *place)
{
    struct fault fault = {0};
    if (trusted_place(place, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void what_nobody_else_may_change_is_trusted(void **state)
{
    (void)state;
    trusts(path);
    trusts("/policy");
    trusts("/nowhere/at/all/policy");
    assert_return_code(rmdir(below), errno);
    trusts(path);
}

/* /tmp itself is one where everybody makes files, and nobody touches another one's. */
static void folders_that_others_may_write_to_are_not(void **state)
{
    static const mode_t modes[] = {0777, 0770, 0722, 0702};
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        assert_return_code(chmod(below, modes[i]), errno);
        refuses(path, below);
        assert_return_code(chmod(below, modes[i] | S_ISVTX), errno);
        trusts(path);
        assert_return_code(chmod(below, 0755), errno);
        assert_return_code(chmod(folder, modes[i]), errno);
        refuses(path, folder);
        assert_return_code(chmod(folder, 0755), errno);
        trusts(path);
    }
}

/* Where the link leads, and where it is: whoever may write to the one folder or the other decides. */
static void links_are_followed(void **state)
{
    char link[96], through[128], target[96];
    (void)state;
    snprintf(target, sizeof(target), "%s/target", below);
    snprintf(link, sizeof(link), "%s/link", folder);
    snprintf(through, sizeof(through), "%s/policy", link);
    assert_return_code(mkdir(target, 0700), errno);
    assert_return_code(symlink(target, link), errno);
    trusts(through);
    assert_return_code(chmod(below, 0777), errno); /* not on the way as it is written */
    refuses(through, below);
    assert_return_code(chmod(below, 0755), errno);
    assert_return_code(chmod(folder, 0777), errno);
    refuses(through, folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_else_may_change_is_trusted),
        TEST(folders_that_others_may_write_to_are_not),
        TEST(links_are_followed),
    };
    return unit_run(tests);
}
