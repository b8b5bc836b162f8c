/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "link_list.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "netlink.h"

#define BUFFER_SIZE 32768
#define FIRST_ROOM 16
/* A list during which an interface came or went is not whole, and asked for again. */
#define MAX_ROUNDS 8

/* Those fields that every kernel with IFLA_STATS64 has. */
#define MIN_STATS_SIZE (23 * sizeof(uint64_t))

static bool read_number(const void *payload, size_t size, uint32_t *ret_number)
{
    if (size != sizeof(*ret_number))
        return false;
    memcpy(ret_number, payload, size);
    return true;
}

static bool read_name(const void *payload, size_t size, char *ret_name)
{
    const size_t length = strnlen(payload, size);
    if (length == 0 || length == size || length >= TCTL_IFNAME_LEN)
        return false;
    memcpy(ret_name, payload, length + 1);
    return true;
}

static bool read_stats(const void *payload, size_t size, struct link_info *info)
{
    if (size < MIN_STATS_SIZE || size % sizeof(uint64_t) != 0)
        return false;
    memcpy(&info->stats, payload, size < sizeof(info->stats) ? size : sizeof(info->stats));
    info->has_stats = true;
    return true;
}

static bool take_kind(void *data, uint16_t type, const void *payload, size_t size)
{
    struct link_info *info = data;
    if (type != IFLA_INFO_KIND)
        return true;
    const size_t length = strnlen(payload, size);
    memcpy(info->kind, payload, length < sizeof(info->kind) ? length : sizeof(info->kind) - 1);
    return true;
}

typedef bool (*attribute_fn)(void *data, uint16_t type, const void *payload, size_t size);

/* All of the bytes must be attributes. Not libmnl's loop, which ends at the first bad one as at the last good one. */
static bool for_attributes(const void *bytes, size_t size, attribute_fn fn, void *data)
{
    const char *at = bytes;
    while (size > 0) {
        struct nlattr attribute;
        if (size < sizeof(attribute))
            return false;
        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > size)
            return false;
        if (!fn(data, attribute.nla_type & NLA_TYPE_MASK, at + MNL_ATTR_HDRLEN, attribute.nla_len - MNL_ATTR_HDRLEN))
            return false;
        const size_t step = MNL_ALIGN(attribute.nla_len);
        at += step < size ? step : size;
        size -= step < size ? step : size;
    }
    return true;
}

static bool take_attribute(void *data, uint16_t type, const void *payload, size_t size)
{
    struct link_info *info = data;
    switch (type) {
    case IFLA_IFNAME:
        return read_name(payload, size, info->name);
    case IFLA_MASTER:
        return read_number(payload, size, &info->master);
    case IFLA_LINK:
        return read_number(payload, size, &info->lower);
    case IFLA_STATS64:
        return read_stats(payload, size, info);
    case IFLA_LINKINFO:
        return for_attributes(payload, size, take_kind, info);
    default:
        return true;
    }
}

/* Then the number of IFLA_LINK is one of another namespace; it may come before or after. */
static bool take_elsewhere(void *elsewhere, uint16_t type, const void *payload, size_t size)
{
    (void)payload;
    (void)size;
    *(bool *)elsewhere |= type == IFLA_LINK_NETNSID;
    return true;
}

int link_parse(const struct nlmsghdr *header, struct link_info *ret_info)
{
    struct link_info info = {0};
    struct ifinfomsg message;
    const size_t fixed = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(message));
    bool elsewhere = false;
    if ((header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK) || header->nlmsg_len < fixed)
        return -EBADMSG;
    memcpy(&message, (const char *)header + MNL_NLMSG_HDRLEN, sizeof(message));
    if (message.ifi_family != AF_UNSPEC)
        return -EAFNOSUPPORT;
    const char *attributes = (const char *)header + fixed;
    if (message.ifi_index <= 0 || !for_attributes(attributes, header->nlmsg_len - fixed, take_attribute, &info) ||
        !for_attributes(attributes, header->nlmsg_len - fixed, take_elsewhere, &elsewhere) || !*info.name)
        return -EBADMSG;
    info.index = (uint32_t)message.ifi_index;
    info.type = message.ifi_type;
    info.flags = message.ifi_flags;
    if (elsewhere)
        info.lower = 0;
    *ret_info = info;
    return 0;
}

struct list {
    struct link_info *links;
    size_t count, room;
    int error;
};

static void list_done(struct list *list)
{
    free(list->links);
}

static int append(struct list *list, const struct link_info *info)
{
    if (list->count == list->room) {
        const size_t room = list->room ? list->room * 2 : FIRST_ROOM;
        struct link_info *links = reallocarray(list->links, room, sizeof(*links));
        if (!links)
            return -ENOMEM;
        list->links = links;
        list->room = room;
    }
    list->links[list->count++] = *info;
    return 0;
}

static int take(const struct nlmsghdr *header, void *data)
{
    struct list *list = data;
    struct link_info info;
    list->error = link_parse(header, &info);
    if (list->error == -EAFNOSUPPORT)
        list->error = 0;
    else if (list->error == 0)
        list->error = append(list, &info);
    return list->error < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int ask(struct mnl_socket *netlink)
{
    char buffer[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct ifinfomsg))] = {0};
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = RTM_GETLINK;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
    return mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0 ? -errno : 0;
}

static ssize_t hear(struct mnl_socket *netlink, char *buffer)
{
    ssize_t length;
    do
        length = mnl_socket_recvfrom(netlink, buffer, BUFFER_SIZE);
    while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : length;
}

/* One dump by a socket of its own: what is left of one that was given up is nobody's answer. */
static int read_once(struct list *list)
{
    char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
    _cleanup_netlink_ struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    int r = ask(netlink);
    if (r < 0)
        return r;
    list->count = 0;
    do {
        ssize_t length = hear(netlink, buffer);
        if (length < 0)
            return (int)length;
        r = mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(netlink), take, list);
    } while (r == MNL_CB_OK);
    if (r == MNL_CB_STOP)
        return 0;
    return list->error < 0 ? list->error : -errno; /* NLM_F_DUMP_INTR is libmnl's EINTR */
}

int link_list_read(struct link_info **ret_list, size_t *ret_count)
{
    _cleanup_(list_done) struct list list = {0};
    int r = -EINTR;
    for (int i = 0; i < MAX_ROUNDS && r == -EINTR; i++)
        r = read_once(&list);
    if (r < 0)
        return r;
    *ret_list = TAKE_PTR(list.links);
    *ret_count = list.count;
    return 0;
}
