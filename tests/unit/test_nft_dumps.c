/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sets that are dumped while they grow, by a kernel whose dumps are written down here. */
#include "unit.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <string.h>

#include "dumps.h"
#include "nft_counted.h"

#define _cleanup_counts_ _cleanup_(nft_counts_done)
#define _cleanup_dumps_ _cleanup_(nft_dumps_done)

/*
 * A dump of NFT_SET_SENT: "1 2 3" are rows of UIDs by lo, each with as many packets; "2=5" has 5. '!' at the end: the
 * ruleset changed.
 */
struct kernel {
    uint64_t handle;
    uint64_t change_after;    /* dumps, from when on there is another table; 0: never */
    const char *const *dumps; /* those of NFT_SET_SENT; the last one stays */
    unsigned int asked;       /* how many of them were */
    int error;                /* of each dump */
    size_t key_size;          /* 0: the right one */
};

static int table(void *context, uint64_t *ret_handle)
{
    struct kernel *kernel = context;
    *ret_handle = kernel->handle + (kernel->change_after && kernel->asked >= kernel->change_after);
    return kernel->handle ? 0 : -ENOENT;
}

static int give(struct kernel *kernel, uint32_t uid, uint64_t packets, nft_counted_fn take, void *into)
{
    const struct nft_uid_iface key = {uid, "lo"};
    const struct nft_counted_row element = {
        .key = &key,
        .key_size = kernel->key_size ? kernel->key_size : sizeof(key),
        .counter = {packets, 100 * packets},
    };
    return take(into, &element);
}

static int dump(struct kernel *kernel, const char *text, nft_counted_fn take, void *into)
{
    while (*text && *text != '!') {
        char *end;
        const uint32_t uid = (uint32_t)strtoul(text, &end, 10);
        const uint64_t packets = *end == '=' ? strtoull(end + 1, &end, 10) : uid;
        int r = give(kernel, uid, packets, take, into);
        if (r < 0)
            return r;
        text = end + (*end == ' ');
    }
    return *text ? -EINTR : kernel->error;
}

static int set(void *context, enum nft_set which, nft_counted_fn take, void *into)
{
    struct kernel *kernel = context;
    if (which != NFT_SET_SENT)
        return 0;
    const char *text = *kernel->dumps;
    if (kernel->dumps[1])
        kernel->dumps++;
    kernel->asked++;
    return dump(kernel, text, take, into);
}

static int counter(void *context, enum nft_count count, struct nft_counter *ret_counter)
{
    (void)context;
    *ret_counter = (struct nft_counter){count, 100 * count};
    return 0;
}

static const struct nft_dump_calls CALLS = {table, set, counter};

/* What is read is just this, after so many dumps. */
static void reads(struct nft_dumps *dumps, const char *const *list, const char *expected, unsigned int asked)
{
    struct kernel kernel = {.handle = 1, .dumps = list};
    _cleanup_counts_ struct nft_counts counts = {0}, wanted = {0};
    uint64_t handle = 0;
    assert_int_equal(nft_dumps_read(dumps, &CALLS, &kernel, &handle, &counts), 0);
    for (const char *text = expected; *text;) {
        char *end;
        const uint32_t uid = (uint32_t)strtoul(text, &end, 10);
        const uint64_t packets = *end == '=' ? strtoull(end + 1, &end, 10) : uid;
        *nft_counted(&wanted, NFT_UIDS, uid, "lo") =
            (struct tctl_stats_value){.tx_packets = packets, .tx_bytes = 100 * packets};
        text = end + (*end == ' ');
    }
    for (enum nft_count i = 0; i < NFT_COUNTS; i++)
        wanted.named[i] = (struct nft_counter){i, 100 * i};
    nft_counted_assert_equal(&wanted, &counts);
    assert_int_equal(handle, 1);
    assert_int_equal(kernel.asked, asked);
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void until_nothing_is_new(void **state)
{
    (void)state;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    reads(&dumps, LIST(""), "", 1);
    reads(&dumps, LIST("1 2", "2 1"), "1 2", 2);
    reads(&dumps, LIST("1=4 2=5"), "1=4 2=5", 1);
    reads(&dumps, LIST("1=4 2=5 3", "3 1=5 2=5"), "1=5 2=5 3", 2);
}

static void doubles_are_the_larger(void **state)
{
    (void)state;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    reads(&dumps, LIST("1=5 2 1=7", "1=6 2", "1=6 2"), "1=7 2", 2);
    reads(&dumps, LIST("1=9 2 1=8", "1=9 2"), "1=9 2", 2);
}

static void what_one_dump_lacks_is_asked_again(void **state)
{
    (void)state;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    reads(&dumps, LIST("1 3", "2 3", "1 2 3"), "1 2 3", 3);
    reads(&dumps, LIST("1=5 3", "1=5 2=6 3"), "1=5 2=6 3", 2);
}

static void four_dumps_together_are_enough(void **state)
{
    (void)state;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    reads(&dumps, LIST("1", "2", "3", "4", "5"), "1 2 3 4", 4);
    reads(&dumps, LIST("1 2 3 4 1", "1 1", "1 1", "2=7 2", "9"), "1 2=7 3 4", 4);
}

/* Others took it away. It would be asked for for ever. */
static void what_no_dump_has_is_forgotten(void **state)
{
    (void)state;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    reads(&dumps, LIST("1 2 3"), "1 2 3", 2);
    reads(&dumps, LIST("1 3"), "1 3", 4);
    reads(&dumps, LIST("1 3"), "1 3", 1);
    reads(&dumps, LIST("1=1 3=2"), "1=1 3=2", 1); /* less: they were set back */
    reads(&dumps, LIST(""), "", 4);
    reads(&dumps, LIST("2"), "2", 2);
}

static void dumps_that_were_disturbed_do_not_count(void **state)
{
    (void)state;
    static const char *const ALWAYS[] = {"1 2!", NULL};
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    _cleanup_counts_ struct nft_counts counts = {0};
    struct kernel kernel = {.handle = 1, .dumps = ALWAYS};
    uint64_t handle;
    reads(&dumps, LIST("1!", "!", "1 2!", "2!", "1!", "1 2 3", "1!", "1 2 3"), "1 2 3", 8);
    assert_int_equal(nft_dumps_read(&dumps, &CALLS, &kernel, &handle, &counts), -EAGAIN);
    reads(&dumps, LIST("1 2 3"), "1 2 3", 1);
}

static void another_table_is_read_from_its_beginning(void **state)
{
    (void)state;
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    struct kernel kernel = {.handle = 1, .change_after = 2, .dumps = LIST("1 2", "1 2", "2=1", "2=1")};
    for (uint64_t i = 0; i < 2; i++) {
        _cleanup_counts_ struct nft_counts counts = {0};
        uint64_t handle = 0;
        assert_int_equal(nft_dumps_read(&dumps, &CALLS, &kernel, &handle, &counts), 0);
        assert_int_equal(handle, 2);
        assert_int_equal(counts.rows[NFT_UIDS].count, 1);
        assert_int_equal(nft_counted(&counts, NFT_UIDS, 2, "lo")->tx_packets, 1);
    }
    assert_int_equal(kernel.asked, 5); /* of each table two, and once more */
}

static void errors_are_told(void **state)
{
    (void)state;
    static const char *const ONE[] = {"1", NULL};
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    _cleanup_counts_ struct nft_counts counts = {0};
    struct kernel none = {.dumps = ONE}, denied = {.handle = 1, .dumps = ONE, .error = -EPERM};
    struct kernel other_keys = {.handle = 1, .dumps = ONE, .key_size = 19};
    uint64_t handle;
    assert_int_equal(nft_dumps_read(&dumps, &CALLS, &none, &handle, &counts), -ENOENT);
    assert_int_equal(nft_dumps_read(&dumps, &CALLS, &denied, &handle, &counts), -EPERM);
    assert_int_equal(nft_dumps_read(&dumps, &CALLS, &other_keys, &handle, &counts), -EBADMSG);
}

/* One element of each set, so that each has its place. */
static int each_set(void *context, enum nft_set which, nft_counted_fn take, void *into)
{
    static const struct nft_uid_iface UID_IFACE = {1000, "lo"};
    static const struct nft_uid_reason UID_REASON = {1000, TCTL_STANDBY};
    struct nft_counted_row element = {.key_size = nft_keys[nft_set_shape(which).key].size,
                                      .counter = {which, 100 * which}};
    (void)context;
    element.key = &UID_IFACE;
    if (element.key_size == sizeof(UID_REASON))
        element.key = &UID_REASON;
    else if (element.key_size == TCTL_IFNAME_LEN)
        element.key = UID_IFACE.iface;
    return take(into, &element);
}

static void each_set_has_its_place(void **state)
{
    (void)state;
    static const struct nft_dump_calls EACH = {table, each_set, counter};
    _cleanup_dumps_ struct nft_dumps dumps = {0};
    _cleanup_counts_ struct nft_counts counts = {0}, wanted = {0};
    struct kernel kernel = {.handle = 1};
    uint64_t handle;
    assert_int_equal(nft_dumps_read(&dumps, &EACH, &kernel, &handle, &counts), 0);
    *nft_counted(&wanted, NFT_UIDS, 1000, "lo") =
        (struct tctl_stats_value){NFT_SET_RECEIVED, 100 * NFT_SET_RECEIVED, NFT_SET_SENT, 100 * NFT_SET_SENT};
    *nft_counted(&wanted, NFT_IFACES, 0, "lo") =
        (struct tctl_stats_value){NFT_SET_IFACE_IN, 100 * NFT_SET_IFACE_IN, NFT_SET_IFACE_OUT, 100 * NFT_SET_IFACE_OUT};
    *nft_counted_reason(&wanted, NFT_DROPS, 1000, TCTL_STANDBY) = (struct tctl_stats_value){
        NFT_SET_DROPPED_IN, 100 * NFT_SET_DROPPED_IN, NFT_SET_DROPPED_OUT, 100 * NFT_SET_DROPPED_OUT};
    *nft_counted_reason(&wanted, NFT_REFUSED, 1000, TCTL_STANDBY) =
        (struct tctl_stats_value){.tx_packets = NFT_SET_REFUSED};
    memcpy(wanted.named, counts.named, sizeof(wanted.named));
    nft_counted_assert_equal(&wanted, &counts);
    assert_int_equal(counts.named[NFT_COUNT_UNOWNED_IN].packets, NFT_COUNT_UNOWNED_IN);
}

/* Two elements as the kernel sends them. */
static struct nlmsghdr *answer(char *buffer)
{
    static const struct nft_uid_iface KEYS[] = {{1000, "lo"}, {1001, "eth0"}};
    struct nlmsghdr *message = nft_talk_head(buffer, NFT_MSG_NEWSETELEM, 0);
    struct nlattr *list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
        struct nlattr *element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
        struct nlattr *nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
        mnl_attr_put(message, NFTA_DATA_VALUE, sizeof(KEYS[i]), &KEYS[i]);
        mnl_attr_nest_end(message, nest);
        nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_EXPR);
        mnl_attr_put_strz(message, NFTA_EXPR_NAME, "counter");
        struct nlattr *data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
        mnl_attr_put_u64(message, NFTA_COUNTER_BYTES, htobe64(700 + i));
        mnl_attr_put_u64(message, NFTA_COUNTER_PACKETS, htobe64(7 + i));
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, nest);
        mnl_attr_nest_end(message, element);
    }
    mnl_attr_nest_end(message, list);
    return message;
}

struct heard {
    unsigned int count;
    uint64_t packets, bytes;
    int answer;
};

static int hear(void *context, const struct nft_counted_row *element)
{
    struct heard *heard = context;
    char key[64] = "";
    memcpy(key, element->key, element->key_size < sizeof(key) ? element->key_size : sizeof(key));
    heard->count++;
    heard->packets += element->counter.packets;
    heard->bytes += element->counter.bytes;
    return heard->answer;
}

static void elements_are_understood(void **state)
{
    (void)state;
    char buffer[1024];
    struct nlmsghdr *message = answer(buffer);
    struct heard heard = {0};
    struct nft_counting_into into = {hear, &heard};
    assert_int_equal(mnl_cb_run(buffer, message->nlmsg_len, 0, 0, nft_counting_hear, &into), MNL_CB_OK);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.packets, 15);
    assert_int_equal(heard.bytes, 1401);
    heard.answer = -ENOMEM;
    assert_int_equal(mnl_cb_run(buffer, message->nlmsg_len, 0, 0, nft_counting_hear, &into), MNL_CB_ERROR);
    assert_int_equal(errno, ENOMEM);
}

/* In memory that ends where it ends (libmnl reads words), so that the sanitizer sees who reads on. */
static void run_exactly(const char *buffer, size_t length)
{
    struct heard heard = {0};
    struct nft_counting_into into = {hear, &heard};
    _cleanup_free_ char *exact = malloc(MNL_ALIGN(length));
    assert_non_null(exact);
    memcpy(exact, buffer, length);
    mnl_cb_run(exact, length, 0, 0, nft_counting_hear, &into);
    assert_true(heard.count <= length / sizeof(struct nlattr));
}

static void malformed_answers_are_survived(void **state)
{
    (void)state;
    static const uint8_t VALUES[] = {0, 1, 3, 4, 5, 0x7F, 0x80, 0xFF};
    char buffer[1024];
    struct nlmsghdr *message = answer(buffer);
    const size_t length = message->nlmsg_len;
    for (size_t at = sizeof(*message); at < length; at++) {
        const char kept = buffer[at];
        for (size_t i = 0; i < ARRAY_SIZE(VALUES); i++) {
            buffer[at] = (char)VALUES[i];
            run_exactly(buffer, length);
        }
        buffer[at] = kept;
    }
    for (size_t left = sizeof(*message); left < length; left++) {
        message->nlmsg_len = (uint32_t)left;
        run_exactly(buffer, left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(until_nothing_is_new),
        cmocka_unit_test(doubles_are_the_larger),
        cmocka_unit_test(what_one_dump_lacks_is_asked_again),
        cmocka_unit_test(four_dumps_together_are_enough),
        cmocka_unit_test(what_no_dump_has_is_forgotten),
        cmocka_unit_test(dumps_that_were_disturbed_do_not_count),
        cmocka_unit_test(another_table_is_read_from_its_beginning),
        cmocka_unit_test(errors_are_told),
        cmocka_unit_test(each_set_has_its_place),
        cmocka_unit_test(elements_are_understood),
        cmocka_unit_test(malformed_answers_are_survived),
    };
    return unit_run(tests);
}
