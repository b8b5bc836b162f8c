/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy_table.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fd.h"

#define NAMES_MAX 4096
#define ATTEMPTS 8

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one layout");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) == offsetof(struct ip6t_get_entries, entrytable),
               "one layout");

int legacy_table_open(int family, int *ret_fd)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int legacy_table_exists(const struct legacy_place *place, bool *ret_exists)
{
    _cleanup_free_ char *names = NULL;
    int r = fd_read_file(place->family == AF_INET ? "/proc/thread-self/net/ip_tables_names"
                                                  : "/proc/thread-self/net/ip6_tables_names",
                         NAMES_MAX, &names);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_exists = false;
    char *rest = names;
    for (const char *name; rest && (name = strsep(&rest, "\n"));)
        *ret_exists |= !strcmp(name, place->table);
    return 0;
}

static int ask(int fd, int family, int option, void *answer, size_t size)
{
    socklen_t length = (socklen_t)size;
    return getsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, option, answer, &length) < 0 ? -errno : 0;
}

static int read_once(int fd, const struct legacy_place *place, struct legacy_blob *ret_blob)
{
    const size_t head = offsetof(struct ipt_get_entries, entrytable);
    struct ipt_getinfo info = {0};
    snprintf(info.name, sizeof(info.name), "%s", place->table);
    int r = ask(fd, place->family, IPT_SO_GET_INFO, &info, sizeof(info));
    if (r < 0)
        return r;

    _cleanup_free_ struct ipt_get_entries *answer = calloc(1, head + info.size);
    if (!answer)
        return -ENOMEM;
    snprintf(answer->name, sizeof(answer->name), "%s", place->table);
    answer->size = info.size;
    r = ask(fd, place->family, IPT_SO_GET_ENTRIES, answer, head + info.size);
    if (r < 0)
        return r;
    memmove(answer, (char *)answer + head, info.size);
    *ret_blob =
        (struct legacy_blob){TAKE_PTR(answer), info.size, info.hook_entry[place->hook], info.underflow[place->hook]};
    return 0;
}

/* Somebody may change its size between the two questions. */
int legacy_table_read(int fd, const struct legacy_place *place, struct legacy_blob *ret_blob)
{
    int r = -EAGAIN;
    for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
        r = read_once(fd, place, ret_blob);
    return r;
}

void legacy_blob_done(struct legacy_blob *blob)
{
    freep(&blob->entries);
    *blob = (struct legacy_blob){0};
}

bool legacy_table_has_match(int fd, int family, const char *name, uint8_t revision)
{
    struct xt_get_revision which = {.revision = revision};
    snprintf(which.name, sizeof(which.name), "%s", name);
    return ask(fd, family, family == AF_INET ? IPT_SO_GET_REVISION_MATCH : IP6T_SO_GET_REVISION_MATCH, &which,
               sizeof(which)) == 0;
}
