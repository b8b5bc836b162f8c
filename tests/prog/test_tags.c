/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tags written by the library, with real sockets. netd's TrafficControllerTest as far as it is about
 * them. Root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>

#include "cleanup.h"
#include "fd.h"
#include "loopback.h"
#include "tagging.h"

#define UID 10001u
#define OTHER 0x80000002u
#define TAG 0xFFFFFF01u /* Android's own tags look like this */

#define _cleanup_tags_ _cleanup_(tags_done)

/* TestTagSocketV4, TestTagSocketV6 */
static void a_tag_is_written_counted_and_taken_back(void **state)
{
    static const struct {
        int family, type, protocol;
    } kinds[] = {
        {AF_INET, SOCK_STREAM, 0},
        {AF_INET6, SOCK_STREAM, 0},
        {AF_INET, SOCK_DGRAM, 0},
        {AF_INET6, SOCK_DGRAM, 0},
        {AF_INET, SOCK_RAW, IPPROTO_ICMP},
        {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
        {AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
        {AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
    };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        _cleanup_fd_ int fd = loopback_socket(fixture, kinds[i].family, kinds[i].type, kinds[i].protocol);
        struct tctl_tag tag = {0};
        assert_int_equal(tags_get(&tags, fd, &tag), -ENOENT);
        assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
        tagging_assert_row(fixture, fd, UID, TAG);
        assert_int_equal(tagging_rows(fixture, UID), 1);
        assert_int_equal(tags_get(&tags, fd, &tag), 0);
        assert_int_equal(tag.uid, UID);
        assert_int_equal(tag.tag, TAG);
        assert_int_equal(tags_remove(&tags, fd), 0);
        tagging_assert_no_row(fixture, fd);
        assert_int_equal(tagging_rows(fixture, UID), 0);
        assert_int_equal(tags_get(&tags, fd, &tag), -ENOENT);
        assert_int_equal(tags_remove(&tags, fd), -ENOENT);
    }
    assert_int_equal(tagging_tags(fixture, UID), 1); /* until its data are deleted */
}

static void a_tag_holds_from_the_next_packet_on(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    for (uint64_t i = 1; i <= 50; i++) {
        tagging_send(fd);
        assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
        tagging_send(fd);
        assert_int_equal(tagging_set(&tags, fd, UID, 0), 0);
        tagging_send(fd);
        assert_int_equal(tagging_set(&tags, fd, OTHER, TAG), 0);
        tagging_send(fd);
        assert_int_equal(tags_remove(&tags, fd), 0);
        assert_int_equal(tagging_total(fixture, 0), i);
        assert_int_equal(tagging_total(fixture, UID), 2 * i);
        assert_int_equal(tagging_sent(fixture, UID, TAG, 0), i);
        assert_int_equal(tagging_total(fixture, OTHER), i);
        assert_int_equal(tagging_sent(fixture, OTHER, TAG, 0), i);
    }
}

/* Somebody writes a row raw, which may take 100 ms to be obeyed; whoever asks for that very tag is obeyed at once. */
static void tagging_as_the_row_says_holds_at_once(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    uint64_t cookie = loopback_cookie(fd);
    const struct tctl_tag raw = {OTHER, TAG};
    for (uint32_t i = 1; i <= 10; i++) {
        assert_int_equal(tagging_set(&tags, fd, UID, i), 0);
        tagging_send(fd);
        fixture_put(fixture, PIN_COOKIE_TAG, &cookie, &raw);
        assert_int_equal(tagging_set(&tags, fd, OTHER, TAG), 0);
        tagging_send(fd);
        assert_int_equal(tagging_sent(fixture, OTHER, TAG, 0), 3 * i - 2);
        assert_int_equal(tagging_set(&tags, fd, OTHER, TAG), 0); /* what is stored is right, and stays */
        tagging_send(fd);
        fixture_raise(fixture);
        tagging_send(fd);
        assert_int_equal(tagging_sent(fixture, OTHER, TAG, 0), 3 * i);
        assert_int_equal(tagging_sent(fixture, UID, i, 0), 1);
    }
}

/* TestReTagSocket */
static void tagging_again_counts_each_row_once(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    assert_int_equal(tagging_rows(fixture, UID), 1);
    assert_int_equal(tagging_tags(fixture, UID), 1);

    assert_int_equal(tagging_set(&tags, fd, UID, TAG + 1), 0);
    tagging_assert_row(fixture, fd, UID, TAG + 1);
    assert_int_equal(tagging_rows(fixture, UID), 1);
    assert_int_equal(tagging_tags(fixture, UID), 2);

    assert_int_equal(tagging_set(&tags, fd, OTHER, TAG), 0);
    tagging_assert_row(fixture, fd, OTHER, TAG);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    assert_int_equal(tagging_tags(fixture, UID), 2);
    assert_int_equal(tagging_rows(fixture, OTHER), 1);
    assert_int_equal(tagging_tags(fixture, OTHER), 1);

    assert_int_equal(tagging_set(&tags, fd, OTHER, 0), 0);
    tagging_assert_row(fixture, fd, OTHER, 0);
    assert_int_equal(tagging_rows(fixture, OTHER), 1);
    assert_int_equal(tagging_tags(fixture, OTHER), 1);
    tagging_assert_counts_agree(fixture);
}

/* TestTagTwoSockets */
static void two_sockets_have_tags_of_their_own(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int first = loopback_udp(fixture), second = loopback_udp(fixture);
    assert_int_equal(tagging_set(&tags, first, UID, TAG), 0);
    assert_int_equal(tagging_set(&tags, second, UID, TAG), 0);
    assert_int_equal(tagging_rows(fixture, UID), 2);
    assert_int_equal(tagging_tags(fixture, UID), 1);
    assert_int_equal(tags_remove(&tags, first), 0);
    tagging_assert_no_row(fixture, first);
    tagging_assert_row(fixture, second, UID, TAG);
    assert_int_equal(tags_remove(&tags, first), -ENOENT);
    assert_int_equal(tagging_rows(fixture, UID), 1);
}

static void check_refused(struct tags *tags, int fd, int error)
{
    struct tctl_tag tag;
    assert_int_equal(tagging_set(tags, fd, UID, TAG), error);
    assert_int_equal(tags_remove(tags, fd), error);
    assert_int_equal(tags_get(tags, fd, &tag), error);
}

/* TestTagInvalidSocket, TestUntagInvalidSocket, TestTagSocketWithUnsupportedFamily */
static void what_is_no_internet_socket_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int local = loopback_socket(fixture, AF_UNIX, SOCK_STREAM, 0);
    _cleanup_fd_ int packet = loopback_socket(fixture, AF_PACKET, SOCK_RAW, 0);
    _cleanup_fd_ int netlink = loopback_socket(fixture, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    _cleanup_fd_ int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    _cleanup_fd_ int path = open("/dev/null", O_PATH | O_CLOEXEC);
    int closed = dup(file);
    fd_close(closed);
    check_refused(&tags, local, -EAFNOSUPPORT);
    check_refused(&tags, packet, -EAFNOSUPPORT);
    check_refused(&tags, netlink, -EAFNOSUPPORT);
    check_refused(&tags, file, -ENOTSOCK);
    check_refused(&tags, path, -EBADF);
    check_refused(&tags, closed, -EBADF);
    check_refused(&tags, -1, -EBADF);
    assert_int_equal(tagging_rows(fixture, UID), 0);
    assert_int_equal(tagging_tags(fixture, UID), 0);
}

static void nobody_cannot_be_charged(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    assert_int_equal(tagging_set(&tags, fd, TCTL_NOBODY, TAG), -EINVAL);
    tagging_assert_no_row(fixture, fd);
}

static void the_end_of_a_socket_takes_its_row(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int first = loopback_udp(fixture), second = loopback_udp(fixture);
    assert_int_equal(tagging_set(&tags, first, UID, TAG), 0);
    assert_int_equal(tagging_set(&tags, second, UID, TAG), 0);
    assert_int_equal(tags_end(&tags, &(uint64_t){loopback_cookie(first)}, 1), 0);
    tagging_assert_no_row(fixture, first);
    tagging_assert_row(fixture, second, UID, TAG);
    assert_int_equal(tagging_rows(fixture, UID), 1);
    assert_int_equal(tags_end(&tags, &(uint64_t){loopback_cookie(first)}, 1), 0);
    assert_int_equal(tags_end(&tags, &(uint64_t){UINT64_MAX}, 1), 0);
    assert_int_equal(tagging_rows(fixture, UID), 1);
}

/* What the last close takes is counted by the program, and never twice. */
static void closed_sockets_are_counted_down(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    int fds[20];
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, ARRAY_SIZE(fds));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        assert_int_equal(tagging_set(&tags, fds[i], UID, TAG), 0);
    uint64_t cookie = loopback_cookie(fds[0]);
    tagging_close(fds, 5);
    assert_false(tagging_has_row(fixture, cookie));
    assert_int_equal(tags_end(&tags, &(uint64_t){cookie}, 1), 0);
    assert_int_equal(tagging_rows(fixture, UID), 15);
    tagging_assert_counts_agree(fixture);
    tagging_close(fds + 5, 15);
    assert_int_equal(tagging_rows(fixture, UID), 0);
}

/* A storage map of the test's own: it takes option memory like that of the programs. */
static int make_storage(uint32_t size)
{
    struct btf *btf = btf__new_empty();
    assert_non_null(btf);
    int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), byte = btf__add_int(btf, "char", 1, 0);
    int value = btf__add_array(btf, number, byte, size);
    assert_int_equal(btf__load_into_kernel(btf), 0);
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC, .btf_fd = btf__fd(btf),
                .btf_key_type_id = number, .btf_value_type_id = value);
    int fd = bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, "filler", 4, size, 0, &options);
    assert_return_code(fd, errno);
    btf__free(btf);
    return fd;
}

#define LARGEST 32768
#define MAX_FILLERS 64

/* Returns how many descriptors fillers has, which keep the memory. */
static size_t fill_option_memory(int fd, int *ret_fillers)
{
    static char value[LARGEST];
    size_t count = 0;
    for (uint32_t size = LARGEST; size >= 8; size /= 2) {
        for (int r = 0; r == 0;) {
            assert_in_range(count, 0, MAX_FILLERS - 1);
            ret_fillers[count] = make_storage(size);
            r = bpf_map_update_elem(ret_fillers[count++], &fd, value, BPF_ANY);
            if (r < 0)
                assert_int_equal(r, -ENOMEM);
        }
    }
    return count;
}

static void check_tags_without_memory(const struct fixture *fixture, bool answered)
{
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture);
    uint64_t before = tagging_total(fixture, UID), sent = tagging_total(fixture, 0);
    int fillers[MAX_FILLERS];
    if (answered)
        tagging_send(fd);
    size_t count = fill_option_memory(fd, fillers);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
        tagging_send(fd);
        assert_int_equal(tags_remove(&tags, fd), 0);
        tagging_send(fd);
    }
    assert_int_equal(tagging_total(fixture, UID), before + 3);
    assert_int_equal(tagging_total(fixture, 0), sent + 3 + answered);
    tagging_close(fillers, count);
}

static void a_socket_without_option_memory_can_be_tagged(void **state)
{
    check_tags_without_memory(*state, false);
    check_tags_without_memory(*state, true);
}

struct first_packets {
    int fd;
    bool stop;
    pthread_barrier_t start;
};

/* As when memory is short for counting that. */
static void a_socket_whose_row_is_gone_is_its_owners_at_once(void **state)
{
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    _cleanup_fd_ int fd = loopback_udp(fixture), readonly = -1;
    int writable = tags.tag_count;
    assert_int_equal(tagging_set(&tags, fd, UID, TAG), 0);
    tagging_send(fd);
    assert_int_equal(pins_open_map(fixture->bpffs, PIN_TAG_COUNT, false, &readonly), 0);
    tags.tag_count = readonly;
    assert_int_equal(tags_remove(&tags, fd), -EPERM);
    tags.tag_count = writable;
    tagging_assert_no_row(fixture, fd);
    tagging_send(fd);
    assert_int_equal(tagging_sent(fixture, UID, TAG, 0), 1);
    assert_int_equal(tagging_total(fixture, 0), 1);
}

static void *send_first_packets(void *context)
{
    struct first_packets *packets = context;
    for (;;) {
        pthread_barrier_wait(&packets->start);
        if (packets->stop)
            return NULL;
        for (int i = 0; i < 4; i++)
            send(packets->fd, "", 1, 0);
        pthread_barrier_wait(&packets->start);
    }
}

/* The program makes the socket's first storage at the moment at which the tagger does. */
static void a_socket_that_begins_to_send_can_be_tagged(void **state)
{
    enum { SOCKETS = 3000 };
    const struct fixture *fixture = *state;
    _cleanup_tags_ struct tags tags = tagging_open(fixture);
    struct first_packets packets = {0};
    int failed = 0, udp = 0;
    int *fds = calloc(SOCKETS, sizeof(*fds));
    assert_non_null(fds);
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    loopback_sockets(fixture, AF_INET, SOCK_DGRAM, 0, fds, SOCKETS);
    pthread_barrier_init(&packets.start, NULL, 2);
    pthread_t thread = tagging_thread(send_first_packets, &packets);
    for (int i = 0; i < SOCKETS; i++) {
        packets.fd = fds[i];
        udp += connect(fds[i], (struct sockaddr *)&there, sizeof(there)) == 0;
        pthread_barrier_wait(&packets.start);
        failed += tagging_set(&tags, fds[i], UID, TAG) != 0;
        pthread_barrier_wait(&packets.start);
    }
    packets.stop = true;
    pthread_barrier_wait(&packets.start);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&packets.start);
    uint64_t before = tagging_sent(fixture, UID, TAG, 0);
    for (int i = 0; i < SOCKETS; i++) {
        send(fds[i], "", 1, 0); /* takes the ICMP error of those before */
        send(fds[i], "", 1, 0);
    }
    assert_int_equal(udp, SOCKETS);
    assert_int_equal(failed, 0);
    assert_in_range(tagging_sent(fixture, UID, TAG, 0) - before, SOCKETS, 2 * SOCKETS);
    assert_int_equal(tagging_rows(fixture, UID), SOCKETS);
    tagging_close(fds, SOCKETS);
    free(fds);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, tagging_set_up, fixture_tear_down)
#define BOTH(test)                                                                                                     \
    SHARED(test),                                                                                                      \
    {                                                                                                                  \
#test "_percpu", test, tagging_set_up_percpu, fixture_tear_down, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED(a_tag_is_written_counted_and_taken_back),
        BOTH(a_tag_holds_from_the_next_packet_on),
        SHARED(tagging_as_the_row_says_holds_at_once),
        SHARED(tagging_again_counts_each_row_once),
        SHARED(two_sockets_have_tags_of_their_own),
        SHARED(what_is_no_internet_socket_is_refused),
        SHARED(nobody_cannot_be_charged),
        SHARED(the_end_of_a_socket_takes_its_row),
        SHARED(closed_sockets_are_counted_down),
        SHARED(a_socket_without_option_memory_can_be_tagged),
        SHARED(a_socket_whose_row_is_gone_is_its_owners_at_once),
        SHARED(a_socket_that_begins_to_send_can_be_tagged),
    };
    loopback_enter();
    tagging_allow_files();
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: tags", tests, NULL, NULL);
}
