/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A snapshot through its memfd and back; and what is none, whichever byte of it is wrong. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block.h"
#include "fd.h"
#include "nft_counted.h"
#include "snapshot.h"

#define _cleanup_counts_ _cleanup_(nft_counts_done)
#define _cleanup_snapshot_ _cleanup_(nft_snapshot_done)

static const struct tctl_state STATE = {
    .abi_version = TCTL_ABI_VERSION,
    .since_sec = 1700000000,
    .attached = 7,
    .boot_id = "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f",
    .options = "backend = nft\n",
};

static int seal(const struct nft_counts *counts)
{
    int fd = -1;
    assert_int_equal(nft_snapshot_seal(&STATE, counts, &fd), 0);
    return fd;
}

static size_t size_of(int fd)
{
    struct stat file;
    assert_return_code(fstat(fd, &file), errno);
    return (size_t)file.st_size;
}

/* Its bytes, malloc'ed in exactly that size. */
static char *bytes_of(int fd)
{
    const size_t size = size_of(fd);
    char *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, size, 0), size);
    return bytes;
}

static void comes_back_as_it_was(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    nft_counted_some(&counts);
    _cleanup_fd_ int fd = seal(&counts);
    for (int i = 0; i < 2; i++) {
        _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
        assert_int_equal(nft_snapshot_open(fd, &snapshot), 0);
        assert_memory_equal(&snapshot.state, &STATE, sizeof(STATE));
        nft_counted_assert_equal(&counts, &snapshot.counts);
    }
}

static void one_without_rows_comes_back(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    _cleanup_fd_ int fd = seal(&counts);
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    assert_int_equal(nft_snapshot_open(fd, &snapshot), 0);
    nft_counted_assert_equal(&counts, &snapshot.counts);
}

static void ten_thousand_rows_come_back(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    for (uint32_t i = 0; i < 10000; i++)
        nft_counted(&counts, NFT_UIDS, i, i % 2 ? "lo" : "eth0")->tx_bytes = i;
    _cleanup_fd_ int fd = seal(&counts);
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    assert_int_equal(nft_snapshot_open(fd, &snapshot), 0);
    nft_counted_assert_equal(&counts, &snapshot.counts);
}

/* The maps' rows of it: UIDs by interface, and by themselves. */
static void rows_are_those_of_maps(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    _cleanup_(stats_rows_done) struct stats_rows rows = {0};
    nft_counted(&counts, NFT_UIDS, 1000, "lo")->rx_bytes = 5;
    nft_counted(&counts, NFT_UIDS, 1000, "eth0")->rx_bytes = 6;
    nft_counted(&counts, NFT_IFACES, 0, "eth0")->rx_bytes = 7;
    assert_int_equal(nft_counts_stats(&counts, TCTL_TAG_STATS, &rows), 0);
    assert_int_equal(rows.count, 0);
    assert_int_equal(nft_counts_stats(&counts, TCTL_APP_UID_STATS, &rows), 0);
    assert_int_equal(rows.count, 2);
    stats_rows_sum(&rows);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].value.rx_bytes, 11);
    rows.count = 0;
    assert_int_equal(nft_counts_stats(&counts, TCTL_UID_STATS, &rows), 0);
    assert_int_equal(nft_counts_stats(&counts, TCTL_IFACE_STATS, &rows), 0);
    assert_int_equal(rows.count, 3);
    assert_string_equal(nft_ifnames_name(&counts.names, rows.rows[0].key.iface_index), "lo");
    assert_string_equal(nft_ifnames_name(&counts.names, rows.rows[2].key.iface_index), "eth0");
    assert_int_equal(rows.rows[2].key.uid, 0);
    assert_int_equal(rows.rows[2].value.rx_bytes, 7);
    assert_null(nft_ifnames_name(&counts.names, 3));
}

static void nobody_can_change_what_is_sealed(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    _cleanup_fd_ int fd = seal(&counts);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    assert_ptr_equal(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
}

/* A peer that is not trafficd may send any descriptor. */
static int open_bytes(const char *bytes, size_t size, int seals)
{
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    _cleanup_fd_ int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, bytes, size), size);
    assert_return_code(fcntl(fd, F_ADD_SEALS, seals), errno);
    return nft_snapshot_open(fd, &snapshot);
}

static void what_is_not_sealed_is_refused(void **state)
{
    (void)state;
    static const int ALL = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    static const int EACH[] = {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
    _cleanup_counts_ struct nft_counts counts = {0};
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    _cleanup_fd_ int fd = seal(&counts);
    _cleanup_free_ char *bytes = bytes_of(fd);
    int pipes[2];
    assert_int_equal(open_bytes(bytes, size_of(fd), ALL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(EACH); i++)
        assert_int_equal(open_bytes(bytes, size_of(fd), ALL & ~EACH[i]), -EBADMSG);
    assert_int_equal(open_bytes("", 0, ALL), -EBADMSG);
    assert_return_code(pipe(pipes), errno);
    assert_int_equal(nft_snapshot_open(pipes[0], &snapshot), -EBADMSG);
    fd_close(pipes[0]);
    fd_close(pipes[1]);
}

/* In memory of that size, so that the sanitizer sees who reads on. */
static int parse(const char *bytes, size_t size)
{
    _cleanup_snapshot_ struct nft_snapshot snapshot = {0};
    _cleanup_free_ char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    int r = nft_snapshot_parse(exact, size, &snapshot);
    assert_true(r == 0 || r == -EBADMSG || r == -EPROTO);
    return r;
}

static void cut_off_is_none(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    nft_counted_some(&counts);
    _cleanup_fd_ int fd = seal(&counts);
    _cleanup_free_ char *bytes = bytes_of(fd);
    assert_int_equal(parse(bytes, size_of(fd)), 0);
    for (size_t size = 0; size < size_of(fd); size++)
        assert_int_equal(parse(bytes, size), -EBADMSG);
    _cleanup_free_ char *longer = calloc(1, size_of(fd) + 8);
    memcpy(longer, bytes, size_of(fd));
    assert_int_equal(parse(longer, size_of(fd) + 8), -EBADMSG);
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    static const unsigned char VALUES[] = {0, 1, 0x7F, 0x80, 0xFF};
    _cleanup_counts_ struct nft_counts counts = {0};
    nft_counted(&counts, NFT_UIDS, 1000, "lo")->rx_bytes = 5;
    nft_counted(&counts, NFT_IFACES, 0, "eth0")->rx_bytes = 7;
    nft_counted_reason(&counts, NFT_DROPS, 1000, TCTL_STANDBY)->rx_bytes = 7;
    _cleanup_fd_ int fd = seal(&counts);
    _cleanup_free_ char *bytes = bytes_of(fd);
    for (size_t at = 0; at < size_of(fd); at++) {
        const char kept = bytes[at];
        for (size_t i = 0; i < ARRAY_SIZE(VALUES); i++) {
            bytes[at] = (char)VALUES[i];
            parse(bytes, size_of(fd));
        }
        bytes[at] = kept;
    }
}

/* The block alone: names first, 16 bytes each, then rows of 40. */
static int parse_block(struct nft_counts *counts, size_t at, const void *bytes, size_t size)
{
    _cleanup_counts_ struct nft_counts parsed = {0};
    const size_t length = nft_block_size(counts);
    size_t used = 0;
    _cleanup_free_ char *block = malloc(length);
    assert_non_null(block);
    assert_ptr_equal(nft_block_put(counts, block), block + length);
    memcpy(block + at, bytes, size);
    int r = nft_block_parse(block, length, &parsed, &used);
    if (r == 0)
        assert_int_equal(used, length);
    return r;
}

static void rows_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char LONG[TCTL_IFNAME_LEN] = "a-name-without-", ETH0[TCTL_IFNAME_LEN] = "eth0";
    static const uint32_t ONE = 1, THREE = 3, UID = 1000;
    _cleanup_counts_ struct nft_counts empty = {0}, counts = {0};
    const size_t names = nft_block_size(&empty), rows = names + 2 * TCTL_IFNAME_LEN;
    nft_counted(&counts, NFT_UIDS, 1000, "lo");
    nft_counted(&counts, NFT_UIDS, 1000, "eth0");
    nft_counted(&counts, NFT_IFACES, 0, "eth0");
    assert_int_equal(parse_block(&counts, names, "x", 1), 0);
    assert_int_equal(parse_block(&counts, names, "", 1), -EBADMSG);              /* empty */
    assert_int_equal(parse_block(&counts, names, ETH0, sizeof(ETH0)), -EBADMSG); /* twice */
    assert_int_equal(parse_block(&counts, names, LONG, sizeof(LONG)), 0);
    assert_int_equal(parse_block(&counts, names + 15, "x", 1), -EBADMSG);     /* without an end */
    assert_int_equal(parse_block(&counts, rows + 40 + 4, &ONE, 4), -EBADMSG); /* the first row again */
    assert_int_equal(parse_block(&counts, rows + 4, &THREE, 4), -EBADMSG);    /* no such name */
    assert_int_equal(parse_block(&counts, rows + 80, &UID, 4), -EBADMSG);     /* an interface is nobody's */
}

static void other_versions_are_told(void **state)
{
    (void)state;
    _cleanup_counts_ struct nft_counts counts = {0};
    _cleanup_fd_ int fd = seal(&counts);
    _cleanup_free_ char *bytes = bytes_of(fd);
    bytes[8]++; /* behind the magic */
    assert_int_equal(parse(bytes, size_of(fd)), -EPROTO);
    bytes[8]--;
    bytes[12]++;
    assert_int_equal(parse(bytes, size_of(fd)), -EPROTO);
    bytes[12]--;
    memset(bytes + 16 + offsetof(struct tctl_state, options), 'x', TCTL_OPTIONS_LEN);
    assert_int_equal(parse(bytes, size_of(fd)), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(one_without_rows_comes_back),
        cmocka_unit_test(ten_thousand_rows_come_back),
        cmocka_unit_test(rows_are_those_of_maps),
        cmocka_unit_test(nobody_can_change_what_is_sealed),
        cmocka_unit_test(what_is_not_sealed_is_refused),
        cmocka_unit_test(cut_off_is_none),
        cmocka_unit_test(any_byte_may_be_wrong),
        cmocka_unit_test(rows_that_cannot_be_are_refused),
        cmocka_unit_test(other_versions_are_told),
    };
    return unit_run(tests);
}
