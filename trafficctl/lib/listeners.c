/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "inet_sockets.h"
#include "netlink.h"

/* Each level takes a descriptor; deeper groups are not looked at. */
#define MAX_DEPTH 256

struct listener {
    uint32_t inode;
    bool told;
    char name[INET6_ADDRSTRLEN + 16]; /* "tcp 0.0.0.0:80" */
};

struct listeners {
    struct cgroup_tree *tree;
    struct difference_list *list;
    struct listener *outside; /* ascending by inode */
    size_t count, room;
};

static void listeners_done(struct listeners *listeners)
{
    free(listeners->outside);
}

static void name_socket(const struct inet_socket *socket, char *text, size_t size)
{
    const struct inet_address address = inet_socket_source(socket);
    const char *protocol = socket->protocol == IPPROTO_TCP ? "tcp" : "udp";
    char host[INET6_ADDRSTRLEN] = "";
    inet_ntop(address.ipv6 ? AF_INET6 : AF_INET, address.word, host, sizeof(host));
    snprintf(text, size, address.ipv6 ? "%s [%s]:%u" : "%s %s:%u", protocol, host, ntohs(socket->diag->id.idiag_sport));
}

static int add(struct listeners *listeners, const struct inet_socket *socket)
{
    if (listeners->count == listeners->room) {
        size_t room = listeners->room ? 2 * listeners->room : 64;
        struct listener *larger = reallocarray(listeners->outside, room, sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        listeners->outside = larger;
        listeners->room = room;
    }
    struct listener *listener = &listeners->outside[listeners->count++];
    *listener = (struct listener){.inode = socket->diag->idiag_inode};
    name_socket(socket, listener->name, sizeof(listener->name));
    return 0;
}

static int take(void *context, const struct inet_socket *socket)
{
    struct listeners *listeners = context;
    if (!socket->cgroup || !socket->diag->idiag_inode)
        return 0;
    int r = cgroup_tree_has(listeners->tree, socket->cgroup);
    if (r == 0)
        return add(listeners, socket);
    return r == -ENOMEM ? r : 0;
}

static int by_inode(const void *a, const void *b)
{
    uint32_t left = ((const struct listener *)a)->inode, right = ((const struct listener *)b)->inode;
    return (left > right) - (left < right);
}

static int list_outside(struct listeners *listeners)
{
    static const struct {
        uint8_t family, protocol;
        uint32_t states;
    } kinds[] = {
        {AF_INET, IPPROTO_TCP, INET_SOCKETS_LISTEN},
        {AF_INET, IPPROTO_UDP, INET_SOCKETS_UNCONNECTED},
        {AF_INET6, IPPROTO_TCP, INET_SOCKETS_LISTEN},
        {AF_INET6, IPPROTO_UDP, INET_SOCKETS_UNCONNECTED},
    };
    _cleanup_netlink_ struct mnl_socket *netlink = NULL;
    int r = inet_sockets_open(&netlink);
    for (size_t i = 0; i < ARRAY_SIZE(kinds) && r == 0; i++) {
        r = inet_sockets_list(netlink, kinds[i].family, kinds[i].protocol, kinds[i].states, take, listeners);
        if (r == -ENOENT)
            r = 0; /* no module of the kernel's for these, which check says; others have theirs */
    }
    if (r == 0 && listeners->count > 0)
        qsort(listeners->outside, listeners->count, sizeof(*listeners->outside), by_inode);
    return r;
}

/* Everybody names his processes as he likes: nothing of it is to move root's cursor. */
static void read_name(const char *pid, char *name, size_t size)
{
    char path[64];
    _cleanup_free_ char *comm = NULL;
    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    if (fd_read_file(path, 64, &comm) == 0)
        comm[strcspn(comm, "\n")] = '\0';
    snprintf(name, size, "%s", comm ?: "");
    for (char *c = name; *c; c++)
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
}

static void tell(struct listeners *listeners, struct listener *listener, const char *pid)
{
    char name[64], holds[192];
    read_name(pid, name, sizeof(name));
    snprintf(holds, sizeof(holds), "pid %s (%s) has it from outside the control group: neither counted nor filtered",
             pid, name);
    listener->told = true;
    difference_add(listeners->list, "counted and filtered", holds, "listener %s", listener->name);
}

static void look_at_descriptor(struct listeners *listeners, int folder, const char *entry, const char *pid)
{
    char target[64];
    struct listener key = {0};
    ssize_t length = readlinkat(folder, entry, target, sizeof(target) - 1);
    if (length < 0)
        return;
    target[length] = '\0';
    if (sscanf(target, "socket:[%" SCNu32 "]", &key.inode) != 1)
        return;
    struct listener *found = bsearch(&key, listeners->outside, listeners->count, sizeof(*listeners->outside), by_inode);
    if (found && !found->told)
        tell(listeners, found, pid);
}

static void closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* One that ends meanwhile has no descriptors. */
static void look_at_process(struct listeners *listeners, const char *pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    _cleanup_(closedirp) DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        look_at_descriptor(listeners, dirfd(folder), entry->d_name, pid);
}

static void look_at_processes(struct listeners *listeners, int group)
{
    _cleanup_fd_ int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    _cleanup_fclose_ FILE *file = fdopen(fd, "r");
    if (!file)
        return;
    fd_take(&fd);
    char pid[16];
    while (fscanf(file, "%15s", pid) == 1)
        look_at_process(listeners, pid);
}

/* The group and those below. */
static void look_at_group(struct listeners *listeners, int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    _cleanup_(closedirp) DIR *folder = fdopendir(fd);
    if (!folder) {
        fd_close(fd);
        return;
    }
    look_at_processes(listeners, fd);
    for (struct dirent *entry; depth < MAX_DEPTH && (entry = readdir(folder));) {
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            look_at_group(listeners, fd, entry->d_name, depth + 1);
    }
}

int listeners_find(struct cgroup_tree *tree, struct difference_list *list)
{
    _cleanup_(listeners_done) struct listeners listeners = {.tree = tree, .list = list};
    if (tree->everybody)
        return 0;
    int r = list_outside(&listeners);
    if (r == 0 && listeners.count > 0)
        look_at_group(&listeners, tree->fd, ".", 0);
    return r;
}
