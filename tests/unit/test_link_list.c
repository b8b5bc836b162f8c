/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What rtnetlink says of an interface, as the kernel sends it and as it never should. */
#include "unit.h"

#include <net/if.h> /* the kernel's header comes second, or both declare the same */

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "cleanup.h"
#include "link_list.h"

#define ROOM 1024
#define STATS_OF_6_1 25 /* fields */

struct message {
    struct nlmsghdr header;
    struct ifinfomsg link;
    unsigned char attributes[ROOM];
};

static struct message message_of(int index)
{
    return (struct message){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK},
        .link = {.ifi_index = index, .ifi_type = ARPHRD_ETHER, .ifi_flags = IFF_UP},
    };
}

static void add(struct message *message, uint16_t type, const void *payload, size_t size)
{
    const struct nlattr attribute = {.nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + size)};
    char *at = (char *)message + NLMSG_ALIGN(message->header.nlmsg_len);
    assert_true((size_t)(at - (char *)message->attributes) + NLA_HDRLEN + size <= ROOM);
    memcpy(at, &attribute, sizeof(attribute));
    memcpy(at + NLA_HDRLEN, payload, size);
    message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + attribute.nla_len;
}

static struct message named(int index, const char *name)
{
    struct message message = message_of(index);
    add(&message, IFLA_IFNAME, name, strlen(name) + 1);
    return message;
}

/* From memory of exactly that size, so that the sanitizer sees a byte too far. */
static int parse(const struct message *message, struct link_info *ret_info)
{
    const size_t size = message->header.nlmsg_len;
    _cleanup_free_ struct nlmsghdr *copy = malloc(size);
    assert_non_null(copy);
    assert_true(size <= sizeof(*message));
    memcpy(copy, message, size);
    return link_parse(copy, ret_info);
}

static void link_parse_tells_what_it_is(void **state)
{
    (void)state;
    const uint32_t master = 3, lower = 4;
    struct {
        struct nlattr attribute;
        char kind[8];
    } linkinfo = {.attribute = {.nla_type = IFLA_INFO_KIND, .nla_len = NLA_HDRLEN + 5}, .kind = "veth"};
    uint64_t stats[STATS_OF_6_1] = {1, 2, 3, 4};
    struct message message = named(7, "veth0");
    add(&message, 999, "not known", 9);
    add(&message, IFLA_MASTER, &master, sizeof(master));
    add(&message, IFLA_LINK, &lower, sizeof(lower));
    add(&message, IFLA_LINKINFO | NLA_F_NESTED, &linkinfo, sizeof(linkinfo));
    add(&message, IFLA_STATS64, stats, sizeof(stats));
    struct link_info info;
    assert_int_equal(parse(&message, &info), 0);
    assert_int_equal(info.index, 7);
    assert_string_equal(info.name, "veth0");
    assert_int_equal(info.type, ARPHRD_ETHER);
    assert_int_equal(info.flags, IFF_UP);
    assert_string_equal(info.kind, "veth");
    assert_int_equal(info.master, master);
    assert_int_equal(info.lower, lower);
    assert_true(info.has_stats);
    assert_int_equal(info.stats.rx_packets, 1);
    assert_int_equal(info.stats.tx_bytes, 4);
}

static void link_parse_wants_a_name(void **state)
{
    (void)state;
    struct link_info info;
    const struct {
        const char *bytes;
        size_t size;
        int r;
    } names[] = {
        {"a", 2, 0},
        {"fifteen-letters", 16, 0},
        {"eth0\0rest", 9, 0},
        {"", 0, -EBADMSG},
        {"", 1, -EBADMSG},
        {"eth0", 4, -EBADMSG},
        {"sixteen-letters.", 16, -EBADMSG},
        {"sixteen-letters.", 17, -EBADMSG},
    };
    struct message nameless = message_of(7);
    assert_int_equal(parse(&nameless, &info), -EBADMSG);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct message message = message_of(7);
        add(&message, IFLA_IFNAME, names[i].bytes, names[i].size);
        assert_int_equal(parse(&message, &info), names[i].r);
    }
}

static void link_parse_wants_a_number(void **state)
{
    (void)state;
    const int numbers[] = {0, -1, INT32_MIN};
    struct link_info info;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct message message = named(numbers[i], "eth0");
        assert_int_equal(parse(&message, &info), -EBADMSG);
    }
    struct message message = named(INT32_MAX, "eth0");
    assert_int_equal(parse(&message, &info), 0);
    assert_int_equal(info.index, INT32_MAX);
}

static void link_parse_knows_who_speaks(void **state)
{
    (void)state;
    const unsigned char families[] = {AF_BRIDGE, AF_INET6};
    struct link_info info;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        struct message message = named(7, "port");
        message.link.ifi_family = families[i];
        message.header.nlmsg_type = RTM_DELLINK;
        assert_int_equal(parse(&message, &info), -EAFNOSUPPORT);
    }
    struct message message = named(7, "port");
    message.header.nlmsg_type = RTM_DELLINK;
    assert_int_equal(parse(&message, &info), 0);
    message.header.nlmsg_type = RTM_NEWADDR;
    assert_int_equal(parse(&message, &info), -EBADMSG);
}

static void link_parse_believes_no_wrong_length(void **state)
{
    (void)state;
    struct link_info info;
    const uint64_t stats[STATS_OF_6_1] = {0};
    const size_t sizes[] = {0, 8, 22 * 8, 23 * 8 + 1};
    struct message whole = named(7, "eth0");
    for (uint32_t length = sizeof(struct nlmsghdr); length < whole.header.nlmsg_len; length++) {
        struct message cut = whole;
        cut.header.nlmsg_len = length;
        assert_int_equal(parse(&cut, &info), -EBADMSG);
    }
    for (uint16_t length = 0; length < 64; length++) {
        struct message wrong = whole;
        struct nlattr *attribute = (struct nlattr *)wrong.attributes;
        if (length >= attribute->nla_len - 3 && length <= attribute->nla_len)
            continue;
        attribute->nla_len = length;
        assert_int_equal(parse(&wrong, &info), -EBADMSG);
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct message message = whole;
        add(&message, IFLA_STATS64, stats, sizes[i]);
        assert_int_equal(parse(&message, &info), -EBADMSG);
    }
    struct message short_number = whole;
    add(&short_number, IFLA_MASTER, stats, 3);
    assert_int_equal(parse(&short_number, &info), -EBADMSG);
}

/* The numbers of IFLA_LINK are then of another namespace, and none of ours. */
static void link_parse_sees_what_lies_elsewhere(void **state)
{
    (void)state;
    const uint32_t number = 4;
    struct link_info info;
    for (int first = 0; first < 2; first++) {
        struct message message = named(7, "veth0");
        add(&message, first ? IFLA_LINK_NETNSID : IFLA_LINK, &number, sizeof(number));
        add(&message, first ? IFLA_LINK : IFLA_LINK_NETNSID, &number, sizeof(number));
        assert_int_equal(parse(&message, &info), 0);
        assert_int_equal(info.lower, 0);
    }
}

static void link_list_agrees_with_the_kernel(void **state)
{
    (void)state;
    _cleanup_free_ struct link_info *list = NULL;
    size_t count, named = 0;
    struct if_nameindex *names = if_nameindex();
    assert_non_null(names);
    assert_int_equal(link_list_read(&list, &count), 0);
    for (const struct if_nameindex *name = names; name->if_index; name++) {
        for (size_t i = 0; i < count; i++)
            named += list[i].index == name->if_index && strcmp(list[i].name, name->if_name) == 0;
    }
    if_freenameindex(names);
    assert_int_equal(named, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(list[i].has_stats);
        assert_int_equal(strcmp(list[i].name, "lo") == 0, list[i].type == ARPHRD_LOOPBACK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_parse_tells_what_it_is),         cmocka_unit_test(link_parse_wants_a_name),
        cmocka_unit_test(link_parse_wants_a_number),           cmocka_unit_test(link_parse_knows_who_speaks),
        cmocka_unit_test(link_parse_believes_no_wrong_length), cmocka_unit_test(link_parse_sees_what_lies_elsewhere),
        cmocka_unit_test(link_list_agrees_with_the_kernel),
    };
    return unit_run(tests);
}
