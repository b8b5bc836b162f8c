/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy_tool.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "fd.h"

#define LOCK_WAIT "--wait=1" /* seconds; who asks next finds what is still missing */
#define SAID_LEN 300

/* Exit statuses of iptables. */
enum { SAYS_DONE, SAYS_FAILED, SAYS_UNKNOWN_PART, SAYS_OTHER_VERSION, SAYS_LOCKED };

/* The first that may be executed in a list of folders. Relative ones are not for those who have privileges. */
static bool find_in(const char *folders, const char *name, char path[PATH_MAX])
{
    while (folders && *folders) {
        const size_t length = strcspn(folders, ":");
        if (*folders == '/' && snprintf(path, PATH_MAX, "%.*s/%s", (int)length, folders, name) < PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

static bool find(const char *name, char path[PATH_MAX])
{
    return find_in(getenv("PATH"), name, path) || find_in("/usr/sbin:/sbin", name, path);
}

/* Under its plain name it may be the one that writes nf_tables. */
static bool is_legacy(const char *path, uint64_t deadline_ms)
{
    char said[SAID_LEN];
    const char *const argv[] = {path, "--version", NULL};
    return command_run(argv, "", deadline_ms, said, sizeof(said)) == SAYS_DONE && strstr(said, "legacy");
}

static int find_tool(int family, uint64_t deadline_ms, char path[PATH_MAX], struct fault *fault)
{
    const char *legacy = family == AF_INET ? "iptables-legacy-restore" : "ip6tables-legacy-restore";
    const char *plain = family == AF_INET ? "iptables-restore" : "ip6tables-restore";
    if (find(legacy, path) || (find(plain, path) && is_legacy(path, deadline_ms)))
        return 0;
    return fault_set(fault, -ENOTSUP, "there is no %s: install iptables, or choose another --netfilter", legacy);
}

static int judge(int status)
{
    switch (status) {
    case SAYS_DONE:
        return 0;
    case SAYS_UNKNOWN_PART:
    case SAYS_OTHER_VERSION:
        return -ENOTSUP;
    case SAYS_LOCKED:
        return -EBUSY;
    default:
        return -EIO;
    }
}

/* It asks on a raw socket, and would say of a refusal that there is no table. */
static int check_right(int family, struct fault *fault)
{
    _cleanup_fd_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    return fd < 0 && errno == EPERM ? fault_set(fault, -EPERM, "iptables-legacy-restore needs CAP_NET_RAW") : 0;
}

int legacy_tool_restore(int family, const char *text, uint64_t deadline_ms, struct fault *fault)
{
    char path[PATH_MAX], said[SAID_LEN] = "";
    int r = check_right(family, fault);
    if (r == 0)
        r = find_tool(family, deadline_ms, path, fault);
    if (r < 0)
        return r;
    const char *const argv[] = {path, "--noflush", LOCK_WAIT, NULL};
    const int status = command_run(argv, text, deadline_ms, said, sizeof(said));
    if (status == -ETIMEDOUT)
        return fault_set(fault, status, "%.128s did not end in time, and was killed: %s", path, said);
    if (status < 0)
        return fault_set(fault, status, "%.128s: %s: %s", path, strerror(-status), said);
    r = judge(status);
    return r < 0 ? fault_set(fault, r, "%.128s ended with %d: %s", path, status, said) : 0;
}
