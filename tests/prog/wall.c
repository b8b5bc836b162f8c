/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"

void wall_closep(struct tctl_firewall **firewall)
{
    *firewall = tctl_firewall_close(*firewall);
}

int wall_set(struct tctl_firewall *firewall, unsigned int chain, uint32_t uid, bool allow, unsigned int flags)
{
    return tctl_firewall_set(firewall, chain, &uid, 1, allow, flags);
}

void wall_assert_done(struct tctl_firewall *firewall, int r)
{
    if (r < 0)
        fail_msg("%s (%s)", tctl_firewall_problem(firewall), strerror(-r));
    assert_string_equal(tctl_firewall_problem(firewall), "");
}

void wall_assert_refused(struct tctl_firewall *firewall, int r, int expected, const char *said)
{
    assert_int_equal(r, expected);
    if (!strstr(tctl_firewall_problem(firewall), said))
        fail_msg("\"%s\" does not say \"%s\"", tctl_firewall_problem(firewall), said);
}

static void write_file(const char *path, const char *text)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

void wall_save(const struct policing *policing, const char *text)
{
    char folder[128];

    snprintf(folder, sizeof(folder), "%s/lib", policing->folder);
    assert_true(mkdir(folder, 0755) == 0 || errno == EEXIST);
    write_file(policing->policy, text);
}

char *wall_text(const char *path)
{
    char *text = NULL;

    if (access(path, F_OK) < 0)
        return strdup("");
    assert_int_equal(fd_read_file(path, 1 << 20, &text), 0);
    return text;
}

void wall_assert_saved(const struct policing *policing, const char *lines)
{
    _cleanup_free_ char *expected = NULL, *text = wall_text(policing->policy);

    assert_return_code(asprintf(&expected, "trafficctl policy 1\n%send\n", lines), errno);
    assert_string_equal(text, expected);
}

void wall_assert_nothing_saved(const struct policing *policing)
{
    _cleanup_free_ char *text = wall_text(policing->policy);

    assert_string_equal(text, "");
}

void wall_assert_good(const struct policing *policing)
{
    char path[256];

    snprintf(path, sizeof(path), "%s.good", policing->policy);
    _cleanup_free_ char *good = wall_text(path), *saved = wall_text(policing->policy);
    assert_string_equal(good, saved);
}
