/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <pins.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

/* include/uapi/linux/bpf.h of 6.4, where these came; older headers do not know them */
#define LINK_TYPE_NETFILTER 10

/* struct link_create of union bpf_attr there, as far as netfilter needs it */
struct create {
    uint32_t program, target, attach_type, flags;
    uint32_t family, hook;
    int32_t priority;
    uint32_t netfilter_flags;
};

/* struct bpf_link_info there */
struct info {
    uint32_t type, id, program, pad;
    uint32_t family, hook;
    int32_t priority;
    uint32_t flags;
};

/*
 * A BPF program takes no priority that somebody has at its place: then we take one before it. But others may take ours
 * later, all but BPF programs, and whether a detached link has it still cannot be told any more. So not the one that
 * mangle tables have, which come and go.
 */
#define NEIGHBOURS 8
#define BEFORE_DEFRAGMENTATION (-450)
#define BEFORE_MANGLE (NF_IP_PRI_MANGLE - 1)

struct place {
    enum pin_id link, program;
    uint32_t family, hook;
    int32_t priority;
    const char *name;
};

/* In the order of enum tctl_iface_hook. */
static const struct place places[TCTL_IFACE_HOOKS] = {
    {PIN_PREROUTING4_LINK, PIN_LINK_INGRESS_PROG, NFPROTO_IPV4, NF_INET_PRE_ROUTING, BEFORE_DEFRAGMENTATION,
     "IPv4 before routing"},
    {PIN_PREROUTING6_LINK, PIN_LINK_INGRESS_PROG, NFPROTO_IPV6, NF_INET_PRE_ROUTING, BEFORE_DEFRAGMENTATION,
     "IPv6 before routing"},
    {PIN_POSTROUTING4_LINK, PIN_LINK_EGRESS_PROG, NFPROTO_IPV4, NF_INET_POST_ROUTING, BEFORE_MANGLE,
     "IPv4 after routing"},
    {PIN_POSTROUTING6_LINK, PIN_LINK_EGRESS_PROG, NFPROTO_IPV6, NF_INET_POST_ROUTING, BEFORE_MANGLE,
     "IPv6 after routing"},
};

static int create(const struct place *place, int program, int32_t priority)
{
    struct create attr = {
        .program = (uint32_t)program,
        .attach_type = LINK_ATTACH_TYPE,
        .family = place->family,
        .hook = place->hook,
        .priority = priority,
    };
    long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
    return fd < 0 ? -errno : (int)fd;
}

static int create_near(const struct place *place, int program)
{
    int fd = -EBUSY;
    for (int i = 0; i < NEIGHBOURS && fd == -EBUSY; i++)
        fd = create(place, program, place->priority - i);
    return fd;
}

/* What the descriptor of a pin is. False: no link of netfilter. */
static bool read_info(int link, struct info *ret_info)
{
    uint32_t length = sizeof(*ret_info);
    enum pin_kind kind;
    memset(ret_info, 0, sizeof(*ret_info));
    return pins_kind(link, &kind) == 0 && kind == PIN_LINK && bpf_obj_get_info_by_fd(link, ret_info, &length) == 0 &&
           ret_info->type == LINK_TYPE_NETFILTER;
}

static bool is_at(const struct info *info, const struct place *place)
{
    return info->family == place->family && info->hook == place->hook && info->priority <= place->priority &&
           info->priority > place->priority - NEIGHBOURS;
}

/*
 * A link that was detached, or hangs in another network namespace, looks like one that does not. But its priority is
 * free here: then this one takes the place for a moment, and counts there what would else be missed.
 */
static int is_attached(const struct info *info, const struct place *place, int program)
{
    _cleanup_fd_ int other = create(place, program, info->priority);
    if (other < 0)
        return other == -EBUSY ? 1 : other;
    bpf_link_detach(other);
    return 0;
}

/* Does this link run the program at its place? 1 yes, 0 no; -errno. */
static int is_whole(int link, const struct place *place, int program)
{
    struct info info;
    uint32_t number = 0;
    int r = pins_number(program, &number);
    if (r < 0)
        return r;
    if (!read_info(link, &info) || !is_at(&info, place) || info.program != number)
        return 0;
    return is_attached(&info, place, program);
}

/* Is the pinned link what it should be? As above. *ret_old: what is pinned; -1 nothing. */
static int look(const char *bpffs, const struct place *place, int program, int *ret_old)
{
    int r = pins_open(bpffs, place->link, ret_old);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : is_whole(*ret_old, place, program);
}

/* Ends it now; with its last descriptor it would end some time later. Other things than our kind are left alone. */
static void end(int link)
{
    struct info info;
    if (link >= 0 && read_info(link, &info))
        bpf_link_detach(link);
}

static int pin(const char *bpffs, const struct place *place, int link)
{
    _cleanup_free_ char *path = NULL;
    int r = pins_path(bpffs, place->link, &path);
    if (r < 0) {
        path = NULL;
        return r;
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    return bpf_obj_pin(link, path);
}

/* The new one counts before the old one ends: rather both for a moment than neither. */
static int replace(const char *bpffs, const struct place *place, int program, int old)
{
    _cleanup_fd_ int link = create_near(place, program);
    if (link < 0)
        return link;
    end(old);
    int r = pin(bpffs, place, link);
    if (r < 0)
        bpf_link_detach(link);
    return r;
}

/* The one that is held, if it is what should be there; else a new one. */
static int renew(const char *bpffs, const struct place *place, int program, int held, int old)
{
    int r = held >= 0 ? is_whole(held, place, program) : 0;
    return r > 0 ? pin(bpffs, place, held) : r < 0 ? r : replace(bpffs, place, program, old);
}

static int open_program(const char *bpffs, const struct place *place, int *ret_fd, struct fault *fault)
{
    int r = pins_open(bpffs, place->program, ret_fd);
    return r < 0 ? fault_set(fault, r == -ENOENT ? -ENOTSUP : r, "cannot open the program %s/%s: %s", bpffs,
                             pins[place->program].path, strerror(-r))
                 : 0;
}

static int refuse(const struct place *place, int err, struct fault *fault)
{
    if (err == -EBUSY)
        return fault_set(fault, err, "others have all priorities from %d to %d at %s", place->priority - NEIGHBOURS + 1,
                         place->priority, place->name);
    if (err == -EINVAL || err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
        return fault_set(fault, -ENOTSUP, "this kernel has no BPF link for netfilter at %s (Linux 6.4)", place->name);
    return fault_set(fault, err, "cannot make the BPF link for netfilter at %s: %s", place->name, strerror(-err));
}

/* 1: it was not there, and is now; 0: it was. */
static int put(const char *bpffs, const struct place *place, int held, struct fault *fault)
{
    _cleanup_fd_ int program = -1, old = -1;
    int r = open_program(bpffs, place, &program, fault);
    if (r < 0)
        return r;
    r = look(bpffs, place, program, &old);
    if (r > 0)
        return 0;
    if (r == 0)
        r = renew(bpffs, place, program, held, old);
    return r < 0 ? refuse(place, r, fault) : 1;
}

int link_look(const char *bpffs, uint32_t *ret_there, struct fault *fault)
{
    *ret_there = 0;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        _cleanup_fd_ int program = -1, link = -1;
        int r = pins_open(bpffs, places[i].program, &program);
        if (r == 0)
            r = look(bpffs, &places[i], program, &link);
        if (r < 0 && r != -ENOENT)
            return fault_set(fault, r, "cannot look at the BPF link for netfilter at %s: %s", places[i].name,
                             strerror(-r));
        *ret_there |= r > 0 ? 1u << i : 0;
    }
    return 0;
}

static int remove_one(const char *bpffs, const struct place *place)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_fd_ int link = -1;
    struct info info;
    int r = pins_path(bpffs, place->link, &path);
    if (r < 0) {
        path = NULL;
        return r;
    }
    r = pins_open(bpffs, place->link, &link);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (!read_info(link, &info))
        return 0;
    end(link);
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

void link_held_done(struct link_held *held)
{
    for (size_t i = 0; i < ARRAY_SIZE(held->fds); i++)
        held->fds[i] = fd_close(held->fds[i]);
}

static void hold(const char *bpffs, struct link_held *held)
{
    link_held_done(held);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (pins_open(bpffs, places[i].link, &held->fds[i]) < 0)
            held->fds[i] = -1;
}

int link_put(const char *bpffs, struct link_held *held, struct fault *fault)
{
    uint32_t made = 0;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        int r = put(bpffs, &places[i], held->fds[i], fault);
        made |= r > 0 ? 1u << i : 0;
        for (size_t k = 0; k < i && r < 0; k++)
            if (made & 1u << k)
                remove_one(bpffs, &places[k]);
        if (r < 0)
            return r;
    }
    hold(bpffs, held);
    return 0;
}

int link_remove(const char *bpffs, struct fault *fault)
{
    int failure = 0;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        int r = remove_one(bpffs, &places[i]);
        if (r < 0 && failure == 0)
            failure =
                fault_set(fault, r, "cannot remove the pin %s/%s: %s", bpffs, pins[places[i].link].path, strerror(-r));
    }
    return failure;
}
